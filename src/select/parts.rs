//! Parts of what was seen, and putting masks together.

use serde::{Deserialize, Serialize};

use super::{Face, Seen, SelectError};
use crate::geometry::{Extent, Point, PointF, Rect};
use crate::raster::{Ink, Mask, TilePixels, Tiled, blank_mask, fill_polygon};

/// What can be selected by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// What the picture shows, whatever it is.
    Subject,
    /// All but the subject.
    Background,
    /// The inside of a face's oval.
    Face,
    /// The subject above the chin and near the face, but not the face: with hat and ears.
    Hair,
    /// The subject below the chin: with hands, and with what they hold.
    Clothes,
}

impl Part {
    /// Every part, in the order shown to people.
    pub const ALL: [Self; 5] = [
        Self::Subject,
        Self::Background,
        Self::Face,
        Self::Hair,
        Self::Clothes,
    ];

    /// Its stable id.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Background => "background",
            Self::Face => "face",
            Self::Hair => "hair",
            Self::Clothes => "clothes",
        }
    }

    /// The part of that id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.id() == id)
    }

    /// True where it is a part of a person with a face.
    pub const fn needs_face(self) -> bool {
        matches!(self, Self::Face | Self::Hair | Self::Clothes)
    }
}

/// What becomes of a mask when something is selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combination {
    /// The selection takes its place.
    #[default]
    Replace,
    /// What is in either.
    Add,
    /// What is in the mask and not in the selection.
    Subtract,
    /// What is in both.
    Intersect,
}

/// The mask with a selection of its size.
pub fn combined(mask: &Mask, selection: &Mask, how: Combination) -> Mask {
    let new_value: fn(u8, u8) -> u8 = match how {
        Combination::Replace => return selection.clone(),
        Combination::Add => u8::max,
        Combination::Subtract => |old, selected| old.min(255 - selected),
        Combination::Intersect => u8::min,
    };
    let mut result = mask.clone();
    for index in selection.tiles_in(Rect::of(selection.extent())) {
        let rect = selection.tile_rect(index);
        let selected = selection.crop(rect);
        let mut selected = selected.into_iter();
        result.update(rect, |_, old| new_value(old, selected.next().unwrap_or(0)));
    }
    result
}

/// A head's reach: so many times the height of its face around the nose.
const HEAD_REACH: f32 = 1.1;
/// It ends below the chin by this share of the face's height.
const BELOW_CHIN: f32 = 0.05;
/// Its border is soft over this share of the face's height.
const SOFT: f32 = 0.03;

/// A part of what was seen, of one person (counted from 1, from left to right) or of all.
pub fn part(seen: &Seen, part: Part, person: Option<u32>) -> Result<Mask, SelectError> {
    let subject = || seen.subject.as_ref().ok_or(SelectError::NoSubject);
    if !part.needs_face() && person.is_none() {
        return Ok(match part {
            Part::Background => subject()?.map(|share| 255 - share),
            _ => subject()?.clone(),
        });
    }
    let people = People::of(seen, person)?;
    if part == Part::Face {
        let extent = seen.extent;
        return Ok(people.faces_mask(extent));
    }
    let subject = subject()?;
    let faces = people.faces_mask(subject.extent());
    Ok(Tiled::from_tiles(subject.extent(), 0, |rect| {
        let shares = subject.crop(rect);
        if part != Part::Background && shares.iter().all(|share| *share == 0) {
            return TilePixels::All(0);
        }
        let faces = faces.crop(rect);
        let pixels = shares.iter().zip(&faces).enumerate();
        let values = pixels.map(|(at, (share, face))| {
            let at = at as u32;
            let (x, y) = (at % rect.width, at / rect.width);
            let at = Point::new(rect.x + x as i32, rect.y + y as i32);
            people.share(part, at, *share, *face)
        });
        TilePixels::Each(values.collect())
    }))
}

/// The people of a picture, and which of them are meant.
struct People<'a> {
    all: Vec<Head<'a>>,
    /// Counted from 0.
    only: Option<usize>,
}

/// A face and the measures of its head.
struct Head<'a> {
    face: &'a Face,
    nose: PointF,
    chin: PointF,
    up: (f32, f32),
    height: f32,
}

impl<'a> People<'a> {
    fn of(seen: &'a Seen, person: Option<u32>) -> Result<Self, SelectError> {
        if seen.faces.is_empty() {
            return Err(SelectError::NoFace);
        }
        let only = match person {
            None => None,
            Some(person) => {
                let index = (person as usize).wrapping_sub(1);
                if index >= seen.faces.len() {
                    let found = seen.faces.len() as u32;
                    return Err(SelectError::NoSuchPerson { person, found });
                }
                Some(index)
            }
        };
        let all = seen.faces.iter().map(|face| {
            let (up, height) = face.up();
            Head {
                face,
                nose: face.nose(),
                chin: face.chin(),
                up,
                height,
            }
        });
        Ok(Self {
            all: all.collect(),
            only,
        })
    }

    /// The ovals of those that are meant.
    fn faces_mask(&self, extent: Extent) -> Mask {
        let mut mask = blank_mask(extent);
        let ink = Ink {
            opacity: 1.0,
            erase: false,
        };
        for (index, head) in self.all.iter().enumerate() {
            if self.only.is_none_or(|only| only == index) {
                fill_polygon(&mut mask, &head.face.oval(), ink);
            }
        }
        mask
    }

    /// How much of a pixel is selected, of which the subject has `share` and faces have `face`, of 255 each.
    fn share(&self, part: Part, at: Point, share: u8, face: u8) -> u8 {
        let at = PointF::new(at.x as f32 + 0.5, at.y as f32 + 0.5);
        let nearest = self.nearest(at);
        if self.only.is_some_and(|only| only != nearest) {
            return if part == Part::Background { 255 } else { 0 };
        }
        let Some(head) = self.all.get(nearest) else {
            return 0;
        };
        let subject = f32::from(share) / 255.0;
        let not_face = 1.0 - f32::from(face) / 255.0;
        let in_head = head.share_at(at);
        let selected = match part {
            Part::Hair => subject * not_face * in_head,
            Part::Clothes => subject * not_face * (1.0 - in_head),
            Part::Background => 1.0 - subject,
            Part::Subject | Part::Face => subject,
        };
        (selected * 255.0 + 0.5) as u8
    }

    /// The person whose face is nearest, in heights of that face.
    fn nearest(&self, at: PointF) -> usize {
        let far = |head: &Head<'_>| at.distance(head.nose) / head.height;
        let people = self.all.iter().enumerate();
        people
            .min_by(|(_, a), (_, b)| far(a).total_cmp(&far(b)))
            .map_or(0, |(index, _)| index)
    }
}

impl Head<'_> {
    /// 1 inside the head, 0 outside, between at its border.
    fn share_at(&self, at: PointF) -> f32 {
        let soft = (SOFT * self.height).max(0.5);
        let above_chin = (at.x - self.chin.x) * self.up.0 + (at.y - self.chin.y) * self.up.1;
        let above = (above_chin + BELOW_CHIN * self.height) / soft + 0.5;
        let near = (HEAD_REACH * self.height - at.distance(self.nose)) / soft + 0.5;
        above.clamp(0.0, 1.0) * near.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two people, as wide as their heads, on 300 × 200.
    fn seen() -> Seen {
        let extent = Extent::new(300, 200);
        let mut subject = blank_mask(extent);
        for x in [60, 200] {
            subject.update(Rect::new(x, 20, 40, 180), |_, _| 255);
        }
        Seen {
            extent,
            subject: Some(subject),
            faces: [80.0, 220.0]
                .map(|x| Face::elliptic(PointF::new(x, 60.0), (10.0, 20.0)))
                .to_vec(),
        }
    }

    #[test]
    fn a_person_is_face_hair_and_clothes_and_nothing_twice() {
        let seen = seen();
        let of = |what, person| part(&seen, what, person).unwrap();
        let [subject, background, face, hair, clothes] = Part::ALL.map(|what| of(what, None));
        for y in 0..200 {
            for x in 0..300 {
                let value = |mask: &Mask| i32::from(mask.get(x, y).unwrap());
                assert_eq!(value(&subject) + value(&background), 255);
                let sum = value(&face) + value(&hair) + value(&clothes);
                assert!((sum - value(&subject)).abs() <= 2, "{x} {y}: {sum}");
            }
        }
        let at = |mask: &Mask, x, y| mask.get(x, y).unwrap();
        assert_eq!(at(&face, 80, 60), 255);
        assert_eq!(at(&hair, 80, 30), 255);
        assert_eq!(at(&hair, 220, 30), 255);
        assert_eq!(at(&clothes, 80, 150), 255);
        assert_eq!(at(&hair, 80, 150), 0);
    }

    #[test]
    fn one_of_several_people_can_be_meant() {
        let seen = seen();
        for what in [Part::Subject, Part::Face, Part::Hair, Part::Clothes] {
            let both = part(&seen, what, None).unwrap();
            let each = [1, 2].map(|person| part(&seen, what, Some(person)).unwrap());
            assert!(
                combined(&each[0], &each[1], Combination::Add) == both,
                "{what:?}"
            );
            assert!(each[0] != each[1]);
        }
        let refused = part(&seen, Part::Face, Some(3));
        let none = SelectError::NoSuchPerson {
            person: 3,
            found: 2,
        };
        assert_eq!(refused, Err(none));
        assert!(part(&seen, Part::Hair, Some(0)).is_err());
    }

    #[test]
    fn what_is_not_there_is_said() {
        let nobody = Seen {
            faces: Vec::new(),
            ..seen()
        };
        assert_eq!(part(&nobody, Part::Hair, None), Err(SelectError::NoFace));
        assert!(part(&nobody, Part::Background, None).is_ok());
        let nothing = Seen {
            subject: None,
            ..seen()
        };
        for what in [Part::Subject, Part::Background, Part::Hair] {
            assert_eq!(part(&nothing, what, None), Err(SelectError::NoSubject));
        }
        assert!(part(&nothing, Part::Face, None).is_ok());
    }

    #[test]
    fn masks_are_put_together_pixel_by_pixel() {
        let of = |values: [u8; 4]| Tiled::from_pixels(Extent::new(4, 1), &values, 0);
        let (old, new) = (of([0, 100, 255, 255]), of([255, 50, 255, 0]));
        let how = |how| combined(&old, &new, how).to_vec();
        assert_eq!(how(Combination::Replace), [255, 50, 255, 0]);
        assert_eq!(how(Combination::Add), [255, 100, 255, 255]);
        assert_eq!(how(Combination::Subtract), [0, 100, 0, 255]);
        assert_eq!(how(Combination::Intersect), [0, 50, 255, 0]);
    }
}
