//! `stack.xml` of OpenRaster: which layers there are, and how they lie over each other.

use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::geometry::Extent;

/// A document as `stack.xml` tells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Stack {
    pub extent: Extent,
    /// From the topmost to the lowest, as they stand in the file; groups are dissolved.
    pub layers: Vec<StackLayer>,
    /// There are layers that are mixed otherwise than by lying over what is below.
    pub has_blend_modes: bool,
    /// There are elements that are no layers of pixels.
    pub has_other_elements: bool,
    pub has_groups: bool,
}

/// A layer of pixels.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StackLayer {
    pub name: String,
    /// Its entry in the archive.
    pub src: String,
    pub x: i32,
    pub y: i32,
    /// 0…1.
    pub opacity: f64,
    pub visible: bool,
}

/// How a group changes the layers in it.
#[derive(Clone, Copy)]
struct Group {
    x: i32,
    y: i32,
    opacity: f64,
    visible: bool,
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Groups deeper than this are taken for damage.
const MOST_DEPTH: usize = 64;
/// More layers than this are taken for damage.
const MOST_LAYERS: usize = 4096;

impl Stack {
    /// Reads `stack.xml`.
    pub(super) fn parse(xml: &str) -> Result<Self, AnyError> {
        let mut reader = Reader::from_str(xml);
        let mut stack = Self::default();
        let mut has_image = false;
        let mut groups: Vec<Group> = Vec::new();
        loop {
            match reader.read_event()? {
                Event::Start(element) => {
                    if element.name().as_ref() == b"stack" {
                        let group = stack.enter(&element, groups.last().copied())?;
                        groups.push(group);
                        if groups.len() > MOST_DEPTH {
                            return Err("groups lie too deep in each other".into());
                        }
                    } else {
                        has_image |= stack.element(&element, groups.last().copied())?;
                    }
                }
                Event::Empty(element) if element.name().as_ref() != b"stack" => {
                    has_image |= stack.element(&element, groups.last().copied())?;
                }
                Event::End(element) if element.name().as_ref() == b"stack" => {
                    groups.pop();
                }
                Event::Eof => break,
                _ => {}
            }
        }
        if has_image {
            Ok(stack)
        } else {
            Err("there is no image in it".into())
        }
    }

    fn enter(&mut self, element: &BytesStart<'_>, outer: Option<Group>) -> Result<Group, AnyError> {
        // The outermost one is the document; its position says nothing.
        let Some(outer) = outer else {
            return Ok(Group {
                x: 0,
                y: 0,
                opacity: 1.0,
                visible: true,
            });
        };
        self.has_groups = true;
        let own = Attributes::of(element)?;
        self.has_blend_modes |= own.is_blended;
        Ok(own.within(outer))
    }

    /// Takes in an element that is no group; true for the document itself.
    fn element(
        &mut self,
        element: &BytesStart<'_>,
        group: Option<Group>,
    ) -> Result<bool, AnyError> {
        match element.name().as_ref() {
            b"image" => {
                for attribute in element.attributes() {
                    let attribute = attribute?;
                    let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
                    match attribute.key.as_ref() {
                        b"w" => self.extent.width = value.trim().parse()?,
                        b"h" => self.extent.height = value.trim().parse()?,
                        _ => {}
                    }
                }
                return Ok(true);
            }
            b"layer" => {
                let own = Attributes::of(element)?;
                self.has_blend_modes |= own.is_blended;
                let placed = group.map_or_else(|| own.alone(), |group| own.within(group));
                if self.layers.len() >= MOST_LAYERS {
                    return Err("there are too many layers".into());
                }
                self.layers.push(StackLayer {
                    name: own.name,
                    src: own.src,
                    x: placed.x,
                    y: placed.y,
                    opacity: placed.opacity,
                    visible: placed.visible,
                });
            }
            b"text" | b"filter" => self.has_other_elements = true,
            _ => {}
        }
        Ok(false)
    }

    /// Writes `stack.xml`.
    pub(super) fn to_xml(&self) -> Result<Vec<u8>, AnyError> {
        let mut writer = quick_xml::Writer::new_with_indent(Vec::new(), b' ', 1);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let (width, height) = (
            self.extent.width.to_string(),
            self.extent.height.to_string(),
        );
        let image = BytesStart::new("image").with_attributes([
            ("version", "0.0.3"),
            ("w", width.as_str()),
            ("h", height.as_str()),
        ]);
        writer.write_event(Event::Start(image))?;
        writer.write_event(Event::Start(BytesStart::new("stack")))?;
        for layer in &self.layers {
            let (x, y) = (layer.x.to_string(), layer.y.to_string());
            // Enough digits to tell 256 steps apart.
            let opacity = format!("{:.6}", layer.opacity);
            let visibility = if layer.visible { "visible" } else { "hidden" };
            let element = BytesStart::new("layer").with_attributes([
                ("name", layer.name.as_str()),
                ("src", layer.src.as_str()),
                ("x", x.as_str()),
                ("y", y.as_str()),
                ("opacity", opacity.as_str()),
                ("visibility", visibility),
                ("composite-op", "svg:src-over"),
            ]);
            writer.write_event(Event::Empty(element))?;
        }
        writer.write_event(Event::End(BytesEnd::new("stack")))?;
        writer.write_event(Event::End(BytesEnd::new("image")))?;
        Ok(writer.into_inner())
    }
}

/// What stands in the element of a layer or group.
struct Attributes {
    name: String,
    src: String,
    x: i32,
    y: i32,
    opacity: f64,
    visible: bool,
    is_blended: bool,
}

impl Attributes {
    fn of(element: &BytesStart<'_>) -> Result<Self, AnyError> {
        let mut own = Self {
            name: String::new(),
            src: String::new(),
            x: 0,
            y: 0,
            opacity: 1.0,
            visible: true,
            is_blended: false,
        };
        for attribute in element.attributes() {
            let attribute = attribute?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?;
            match attribute.key.as_ref() {
                b"name" => own.name = value.into_owned(),
                b"src" => own.src = value.into_owned(),
                b"x" => own.x = whole(&value),
                b"y" => own.y = whole(&value),
                b"opacity" => own.opacity = share(&value),
                b"visibility" => own.visible = value.trim() != "hidden",
                b"composite-op" => own.is_blended = value.trim() != "svg:src-over",
                _ => {}
            }
        }
        Ok(own)
    }

    fn alone(&self) -> Group {
        Group {
            x: self.x,
            y: self.y,
            opacity: self.opacity,
            visible: self.visible,
        }
    }

    fn within(&self, group: Group) -> Group {
        Group {
            x: self.x.saturating_add(group.x),
            y: self.y.saturating_add(group.y),
            opacity: self.opacity * group.opacity,
            visible: self.visible && group.visible,
        }
    }
}

/// A position; some programs write fractions. Far outside any canvas is cut off.
fn whole(text: &str) -> i32 {
    let value: f64 = text.trim().parse().unwrap_or_default();
    value.round().clamp(-1e6, 1e6) as i32
}

fn share(text: &str) -> f64 {
    let value: f64 = text.trim().parse().unwrap_or(1.0);
    if value.is_nan() {
        1.0
    } else {
        value.clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn groups_move_fade_and_hide_what_is_in_them() {
        let xml = r#"<?xml version='1.0' encoding='UTF-8'?>
            <image w="30" h="20" version="0.0.1"><stack opacity="0.1" x="5">
              <layer name="a &amp; b" src="data/1.png" x="3" y="-4.0" opacity="0.5"/>
              <stack name="group" x="10" y="1" opacity="0.5" visibility="hidden">
                <layer name="in" src="data/2.png" x="1" y="1" opacity="0.5" composite-op="svg:multiply"></layer>
              </stack>
              <text/>
              <layer name="bottom" src="data/3.png"/>
            </stack></image>"#;
        let stack = Stack::parse(xml).unwrap();
        assert_eq!(stack.extent, Extent::new(30, 20));
        let told: Vec<_> = stack
            .layers
            .iter()
            .map(|l| {
                (
                    l.name.as_str(),
                    l.src.as_str(),
                    l.x,
                    l.y,
                    l.opacity,
                    l.visible,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a & b", "data/1.png", 3, -4, 0.5, true),
                ("in", "data/2.png", 11, 2, 0.25, false),
                ("bottom", "data/3.png", 0, 0, 1.0, true),
            ]
        );
        assert!(stack.has_blend_modes && stack.has_other_elements && stack.has_groups);
    }

    #[test]
    fn what_is_written_is_read_and_opacities_stay_apart() {
        let layer = |opacity: u8| StackLayer {
            name: "小貓 <\"&'> \n".to_owned(),
            src: "data/layer-1.png".to_owned(),
            x: -7,
            y: 9,
            opacity: f64::from(opacity) / 255.0,
            visible: opacity != 3,
        };
        let stack = Stack {
            extent: Extent::new(7, 5),
            layers: (0..=255).map(layer).collect(),
            ..Stack::default()
        };
        let xml = String::from_utf8(stack.to_xml().unwrap()).unwrap();
        let read = Stack::parse(&xml).unwrap();
        assert_eq!(read.extent, stack.extent);
        for (opacity, layer) in read.layers.iter().enumerate() {
            assert_eq!((layer.opacity * 255.0).round() as usize, opacity);
            assert_eq!((layer.x, layer.y, layer.visible), (-7, 9, opacity != 3));
            assert_eq!(layer.name.trim_end(), "小貓 <\"&'>");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_harm(noise in ".{0,300}", cut in 0usize..200) {
            let _outcome = Stack::parse(&noise);
            let xml = "<image w='9' h='9'><stack><stack x='1e99'><layer opacity='NaN' x='z' src='é'/></stack></stack></image>";
            if let Some(head) = xml.get(..cut.min(xml.len())) {
                let _outcome = Stack::parse(head);
                let _outcome = Stack::parse(&format!("{head}{noise}"));
            }
        }
    }
}
