// node people.mjs PACKAGES COUNT SEED OUT.jsonl
// Parametric people: one line per person, {"m": what they wear, "svg": the avatar}.
// PACKAGES is the folder in which setup.sh ran `npm install`.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, count, seed, out] = process.argv.slice(2);
const load = (name) =>
  import(pathToFileURL(path.resolve(packages, 'node_modules', '@dicebear', name, 'lib', 'index.js')));
const { createAvatar } = await load('core');
const toonHead = await load('toon-head');
const personas = await load('personas');

const HAIR_COLOURS = {
  black: '221c1c', brown: '6b4226', blond: 'e8c56b', red: 'c2452d', gray: 'b9b9bd', blue: '4a7fd6', pink: 'f08ab8',
};
const CLOTHES_COLOURS = {
  red: 'd8343a', blue: '2f6fd6', green: '2f9e57', yellow: 'f2c230', purple: '8250c8', pink: 'f28ab5',
  orange: 'f08a2c', black: '26262b', white: 'f4f4f2',
};
const SKINS = ['ffdbc0', 'f1c3a5', 'd99b74', 'b1764d', '8a5433', '5c3829'];

// the names of the avatar sets, and ours in the captions (words.py)
const TOON_FRONT = { sideComed: 'side-parted hair', undercut: 'undercut', spiky: 'spiky hair', bun: 'hair bun' };
const TOON_REAR = {
  longStraight: 'long straight hair', longWavy: 'long wavy hair', shoulderHigh: 'shoulder-length hair',
  neckHigh: 'short hair',
};
const TOON_CLOTHES = {
  turtleNeck: 'turtleneck', openJacket: 'jacket', dress: 'dress', shirt: 'shirt', tShirt: 't-shirt',
};
const PERSONAS_HAIR = {
  long: 'long hair', extraLong: 'very long hair', bobCut: 'bob hair', bobBangs: 'bob hair with bangs',
  curly: 'curly hair', pigtails: 'pigtails', straightBun: 'hair bun', curlyBun: 'curly hair bun',
  shortCombover: 'short hair', buzzcut: 'buzz cut', mohawk: 'mohawk', fade: 'fade haircut', bald: 'bald', cap: 'cap',
  beanie: 'beanie',
};
const PERSONAS_LONG = ['long', 'extraLong', 'bobCut', 'bobBangs', 'pigtails', 'straightBun', 'curlyBun'];

// mulberry32: a small seeded generator, so that the same seed draws the same people everywhere
let state = Number(seed);
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const pick = (list) => list[Math.floor(random() * list.length)];

function toonPerson(i, hairColour, clothesColour, skin) {
  const beard = random() < 0.18;
  const rear = !beard && random() < 0.62 ? pick(Object.keys(TOON_REAR)) : null;
  const front = pick(Object.keys(TOON_FRONT));
  const clothes = pick(Object.keys(TOON_CLOTHES).filter((name) => !beard || name !== 'dress'));
  const svg = createAvatar(toonHead, {
    seed: `x${i}`, hair: [front], hairColor: [HAIR_COLOURS[hairColour]],
    rearHair: rear ? [rear] : undefined, rearHairProbability: rear ? 100 : 0, beardProbability: beard ? 100 : 0,
    clothes: [clothes], clothesColor: [CLOTHES_COLOURS[clothesColour]], skinColor: [skin],
    mouth: [pick(['laugh', 'smile', 'agape', 'smile'])], eyes: [pick(['happy', 'wide', 'bow', 'humble'])],
    eyebrows: [pick(['happy', 'raised', 'neutral'])],
  }).toString();
  const who = beard ? 'man' : rear || clothes === 'dress' ? 'woman' : 'person';
  const m = {
    set: 'toon', hc: hairColour, hair: rear ? TOON_REAR[rear] : TOON_FRONT[front], cc: clothesColour,
    cloth: TOON_CLOTHES[clothes], acc: null, beard, who,
  };
  return { m, svg };
}

function personasPerson(i, hairColour, clothesColour, skin) {
  const hair = pick(Object.keys(PERSONAS_HAIR));
  const long = PERSONAS_LONG.includes(hair);
  const beard = random() < 0.15 && !long;
  const eyes = pick(['open', 'open', 'happy', 'glasses', 'sunglasses']);
  const svg = createAvatar(personas, {
    seed: `y${i}`, hair: [hair], hairColor: [HAIR_COLOURS[hairColour]],
    clothingColor: [CLOTHES_COLOURS[clothesColour]], body: [pick(['squared', 'rounded', 'checkered'])], eyes: [eyes],
    facialHair: ['beardMustache'], facialHairProbability: beard ? 100 : 0, skinColor: [skin],
    mouth: [pick(['smile', 'bigSmile', 'smirk'])],
  }).toString();
  const m = {
    set: 'personas', hc: hair === 'bald' ? null : hairColour, hair: PERSONAS_HAIR[hair], cc: clothesColour,
    cloth: 'shirt', acc: ['glasses', 'sunglasses'].includes(eyes) ? eyes : null, beard,
    who: beard ? 'man' : long ? 'woman' : 'person',
  };
  return { m, svg };
}

const file = fs.createWriteStream(out);
for (let i = 0; i < Number(count); i++) {
  const colours = [pick(Object.keys(HAIR_COLOURS)), pick(Object.keys(CLOTHES_COLOURS)), pick(SKINS)];
  const person = (random() < 0.55 ? toonPerson : personasPerson)(i, ...colours);
  file.write(JSON.stringify(person) + '\n');
}
file.end();
