//! [`Sample`]: the pictures that come with the program, to try everything on.

use crate::text::Message;

/// A picture that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// The portrait that the guide speaks of, small enough for the built-in model.
    PortraitCity,
    /// A portrait in a meadow.
    PortraitMeadow,
    /// A portrait in a living room.
    PortraitRoom,
    /// A portrait by the sea.
    PortraitSea,
    /// A portrait in the mountains.
    PortraitSnow,
    /// A runner.
    Runner,
    /// A dancer.
    Dancer,
    /// A cat at the beach.
    Cat,
    /// A castle in the mountains.
    Castle,
    /// A photograph.
    Astronaut,
}

macro_rules! shipped {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../assets/samples/", $name)),
        )
    };
}

impl Sample {
    /// All of them, as they are listed.
    pub const ALL: [Self; 10] = [
        Self::PortraitCity,
        Self::PortraitMeadow,
        Self::PortraitRoom,
        Self::PortraitSea,
        Self::PortraitSnow,
        Self::Runner,
        Self::Dancer,
        Self::Cat,
        Self::Castle,
        Self::Astronaut,
    ];

    /// What it is called.
    pub fn title(self) -> Message {
        Message::new(match self {
            Self::PortraitCity => "editor-sample",
            Self::PortraitMeadow => "editor-sample-meadow",
            Self::PortraitRoom => "editor-sample-room",
            Self::PortraitSea => "editor-sample-sea",
            Self::PortraitSnow => "editor-sample-snow",
            Self::Runner => "editor-sample-runner",
            Self::Dancer => "editor-sample-dancer",
            Self::Cat => "editor-sample-cat",
            Self::Castle => "editor-sample-castle",
            Self::Astronaut => "editor-sample-astronaut",
        })
    }

    /// Name and content of its file.
    pub(super) fn file(self) -> (&'static str, &'static [u8]) {
        match self {
            Self::PortraitCity => shipped!("portrait-city.png"),
            Self::PortraitMeadow => shipped!("portrait-meadow.png"),
            Self::PortraitRoom => shipped!("portrait-room.png"),
            Self::PortraitSea => shipped!("portrait-sea.png"),
            Self::PortraitSnow => shipped!("portrait-snow.png"),
            Self::Runner => shipped!("runner-meadow.png"),
            Self::Dancer => shipped!("dancer-night.png"),
            Self::Cat => shipped!("cat-beach.png"),
            Self::Castle => shipped!("castle-mountains.png"),
            Self::Astronaut => shipped!("astronaut.jpg"),
        }
    }
}
