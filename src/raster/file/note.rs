//! [`PictureNote`]: what reading or writing did that the user may want to know.

use serde::{Deserialize, Serialize};

use crate::text::{Explain, Message};

/// Something that succeeded, but not quite as one might expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PictureNote {
    /// Read: the profile is damaged or not one for such a picture; sRGB is assumed.
    ProfileIgnored,
    /// Read: the file has more pages; only the first is opened.
    FirstPageOnly,
    /// Read: alpha was multiplied into the colours; it was taken out again, with rounding.
    AlphaUnmultiplied,
    /// Mask read: the file has transparency, so brightness counts as far as it is opaque.
    MaskAlphaCounted,
    /// Mask read: nothing bright in it is opaque, so its opacity is the mask.
    MaskAlphaRead,
    /// Mask read: it has colours, so the brightest of red, green and blue counts.
    MaskColoured,
    /// Mask read: its numbers were 0 and 1 or in video range.
    MaskStretched,
    /// Mask read: it was hard before lossy compression, and is again.
    MaskNoiseRemoved,
    /// Mask read: it had another size than the picture.
    MaskScaled,
    /// Written: the kind of file has no alpha; the picture was laid on white.
    AlphaFlattened,
    /// Written: the kind of file has 8 bits a channel, the picture 16.
    DepthReduced,
    /// Written: the settings could not be put into the file.
    RecipeLeftOut,
    /// Written: the kind of file cannot take the EXIF block.
    ExifLeftOut,
    /// Read: there are more pictures, or signed statements, in the file; they are not kept.
    MoreLeftBehind,
    /// Written: the resolution could not be put into the file.
    ResolutionLeftOut,
    /// Written: the XMP packet, or a part of it, could not be put into the file.
    XmpLeftOut,
    /// Written: comments or texts could not be put into the file.
    TextsLeftOut,
    /// Written: IPTC captions or rights could not be put into the file.
    CaptionsLeftOut,
}

impl Explain for PictureNote {
    fn message(&self) -> Message {
        Message::new(match self {
            Self::ProfileIgnored => "picture-note-profile-ignored",
            Self::FirstPageOnly => "picture-note-first-page-only",
            Self::AlphaUnmultiplied => "picture-note-alpha-unmultiplied",
            Self::MaskAlphaCounted => "picture-note-mask-alpha-counted",
            Self::MaskAlphaRead => "picture-note-mask-alpha-read",
            Self::MaskColoured => "picture-note-mask-coloured",
            Self::MaskStretched => "picture-note-mask-stretched",
            Self::MaskNoiseRemoved => "picture-note-mask-noise-removed",
            Self::MaskScaled => "picture-note-mask-scaled",
            Self::AlphaFlattened => "picture-note-alpha-flattened",
            Self::DepthReduced => "picture-note-depth-reduced",
            Self::RecipeLeftOut => "picture-note-recipe-left-out",
            Self::ExifLeftOut => "picture-note-exif-left-out",
            Self::MoreLeftBehind => "picture-note-more-left-behind",
            Self::ResolutionLeftOut => "picture-note-resolution-left-out",
            Self::XmpLeftOut => "picture-note-xmp-left-out",
            Self::TextsLeftOut => "picture-note-texts-left-out",
            Self::CaptionsLeftOut => "picture-note-captions-left-out",
        })
    }
}
