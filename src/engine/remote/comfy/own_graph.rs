//! A graph of the user's own in `ComfyUI`'s API format, whose nodes say by their titles what goes where:
//! `overpaint:picture`, `overpaint:mask`, `overpaint:prompt`, `overpaint:negative`, `overpaint:sampler`,
//! `overpaint:result`.

use serde_json::{Value as Json, json};

use super::graph::Sent;
use crate::plan::EngineInput;

const PREFIX: &str = "overpaint:";

/// The graph with what is asked for in its places, and the id of the node that holds the result; else what
/// is wrong with it.
pub(super) fn filled(
    text: &str,
    input: &EngineInput,
    sent: &Sent,
) -> Result<(Json, String), String> {
    let mut graph: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let nodes = graph.as_object_mut().ok_or("it is no API format")?;
    let mut result = None;
    let mut has_picture = false;
    for (id, node) in nodes {
        let title = node.pointer("/_meta/title").and_then(Json::as_str);
        let Some(role) = title.and_then(|title| title.trim().strip_prefix(PREFIX)) else {
            if node.get("class_type").is_none() {
                return Err("it is no API format (“Export (API)” makes one)".to_owned());
            }
            continue;
        };
        let role = role.trim().to_owned();
        let inputs = node.get_mut("inputs").and_then(Json::as_object_mut);
        let inputs = inputs.ok_or("a node of it has no inputs")?;
        match role.as_str() {
            "picture" => {
                inputs.insert("image".to_owned(), json!(sent.picture));
                has_picture = true;
            }
            // Without a mask everything may change: the picture itself says nothing of that.
            "mask" => {
                let mask = sent.strength.as_ref().unwrap_or(&sent.picture);
                inputs.insert("image".to_owned(), json!(mask));
            }
            "prompt" => put_text(inputs, &input.prompt),
            "negative" => put_text(inputs, &input.negative),
            "sampler" => put_settings(inputs, input),
            "result" => result = Some(id.clone()),
            other => return Err(format!("“{PREFIX}{other}” is no place we know")),
        }
    }
    match result {
        Some(result) if has_picture => Ok((graph, result)),
        Some(_) => Err(format!("no node has the title “{PREFIX}picture”")),
        None => Err(format!("no node has the title “{PREFIX}result”")),
    }
}

fn put_text(inputs: &mut serde_json::Map<String, Json>, text: &str) {
    for name in ["text", "prompt", "value", "string", "clip_l", "t5xxl"] {
        if inputs.get(name).is_some_and(Json::is_string) {
            inputs.insert(name.to_owned(), json!(text));
        }
    }
}

/// Puts settings where the node has them as values; what is wired stays.
fn put_settings(inputs: &mut serde_json::Map<String, Json>, input: &EngineInput) {
    let executed = input.steps.executed(input.strength);
    let steps = input.steps.get();
    let starts = inputs.contains_key("start_at_step");
    let mut put = |name: &str, value: Json| {
        if inputs.get(name).is_some_and(|now| !now.is_array()) {
            inputs.insert(name.to_owned(), value);
        }
    };
    for name in ["seed", "noise_seed"] {
        put(name, json!(input.seed.0));
    }
    put("cfg", json!(input.guidance.get()));
    put("start_at_step", json!(steps - executed));
    // `KSampler` stretches the schedule to steps / denoise and runs the last `steps` of it.
    put("steps", json!(if starts { steps } else { executed }));
    let share = f64::from(executed) / f64::from(steps.max(1));
    put("denoise", json!(share * (1.0 - 1e-9)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::remote::testing::input;

    fn sent() -> Sent {
        Sent {
            picture: "p.png [temp]".to_owned(),
            strength: Some("m.png [temp]".to_owned()),
            ..Sent::default()
        }
    }

    #[test]
    fn titles_say_what_goes_where() {
        let text = json!({
            "1": {"class_type": "LoadImage", "inputs": {"image": "x"}, "_meta": {"title": "overpaint:picture"}},
            "2": {"class_type": "LoadImageMask", "inputs": {"image": "x"}, "_meta": {"title": "overpaint: mask"}},
            "3": {"class_type": "T", "inputs": {"text": "x", "clip": ["9", 0]}, "_meta": {"title": "overpaint:prompt"}},
            "4": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 5, "denoise": 1.0, "cfg": ["8", 0]},
                  "_meta": {"title": "overpaint:sampler"}},
            "5": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}, "_meta": {"title": "overpaint:result"}},
        });
        let input = input();
        let (graph, result) = filled(&text.to_string(), &input, &sent()).unwrap();
        assert_eq!(result, "5");
        let at = |path: &str| graph.pointer(path).cloned().unwrap();
        assert_eq!(at("/1/inputs/image"), "p.png [temp]");
        assert_eq!(at("/2/inputs/image"), "m.png [temp]");
        assert_eq!(at("/3/inputs/text"), input.prompt);
        assert_eq!(at("/3/inputs/clip/0"), "9");
        assert_eq!(at("/4/inputs/cfg/0"), "8", "what is wired stays");
        // 20 steps at strength 0.5: theirs are int(10 / 0.5) = 20, of which the last 10 run.
        assert_eq!(at("/4/inputs/steps"), 10);
        let denoise = at("/4/inputs/denoise").as_f64().unwrap();
        assert_eq!((10.0 / denoise) as u32, 20);
    }

    #[test]
    fn what_is_no_such_graph_says_why() {
        for (text, said) in [
            ("{", "EOF"),
            ("{\"nodes\": {}, \"links\": []}", "API"),
            (
                "{\"1\": {\"class_type\": \"X\", \"inputs\": {}}}",
                "overpaint:result",
            ),
            (
                "{\"1\": {\"class_type\": \"X\", \"inputs\": {}, \"_meta\": {\"title\": \"overpaint:foo\"}}}",
                "overpaint:foo",
            ),
        ] {
            let why = filled(text, &input(), &sent()).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
    }
}
