//! What the numbers of a picture mean: from its profile to sRGB (what the screen shows and the
//! model sees) and back.
//!
//! Conversion is relative colorimetric: white stays white, colours both sides can show stay as
//! they are, and those outside are cut to the nearest border per channel. Profiles made of tables
//! are read through their perceptual or colorimetric table, whichever they have.
//!
//! A profile for grey pictures is read as an RGB profile with the primaries of sRGB and the grey's
//! tone curve: grey stays grey, and a coloured patch laid over a grey picture has a meaning too.

use std::sync::Arc;

use moxcms::{
    Chromaticity, CicpColorPrimaries, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    Matrix3d, RenderingIntent, ToneCurveEvaluator, ToneReprCurve, TransferCharacteristics,
    Transform8BitExecutor, TransformF32Executor, TransformOptions,
};

use super::picture_error::PictureError;
use super::pixmap::Profile;

/// Converts pixels with the meaning of `profile` (encoded, 0…1) to sRGB (encoded, 0…1) in place.
pub fn to_srgb(profile: &Profile, pixels: &mut [[f32; 3]]) -> Result<(), PictureError> {
    let Profile::Icc(icc) = profile else {
        return Ok(());
    };
    Route::between(&rgb_profile(icc)?, &ColorProfile::new_srgb())?.apply(pixels)
}

/// Converts sRGB pixels (encoded, 0…1) to the meaning of `profile` (encoded, 0…1) in place: the
/// way back of [`to_srgb`] for every colour that sRGB can show.
pub fn from_srgb(profile: &Profile, pixels: &mut [[f32; 3]]) -> Result<(), PictureError> {
    let Profile::Icc(icc) = profile else {
        return Ok(());
    };
    Route::between(&ColorProfile::new_srgb(), &rgb_profile(icc)?)?.apply(pixels)
}

/// The cheap way to sRGB for the screen: made once a picture, used for each tile.
pub struct DisplayTransform(Option<Arc<Transform8BitExecutor>>);

impl std::fmt::Debug for DisplayTransform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.0.is_some() { "Icc" } else { "Srgb" };
        f.debug_tuple("DisplayTransform").field(&kind).finish()
    }
}

impl DisplayTransform {
    /// The way from `profile` to the screen.
    pub fn new(profile: &Profile) -> Result<Self, PictureError> {
        let Profile::Icc(icc) = profile else {
            return Ok(Self(None));
        };
        let from = rgb_profile(icc)?;
        let srgb = ColorProfile::new_srgb();
        with_intents(|options| {
            from.create_transform_8bit(Layout::Rgba, &srgb, Layout::Rgba, options)
        })
        .map(|transform| Self(Some(transform)))
    }

    /// True when there is nothing to do.
    pub fn is_identity(&self) -> bool {
        self.0.is_none()
    }

    /// Converts the pixels of a tile in place; alpha stays.
    pub fn to_srgb8(&self, pixels: &mut [[u8; 4]]) -> Result<(), PictureError> {
        let Some(transform) = &self.0 else {
            return Ok(());
        };
        let before = pixels.to_vec();
        transform
            .transform(
                bytemuck::cast_slice(&before),
                bytemuck::cast_slice_mut(pixels),
            )
            .map_err(|error| unusable(&error))
    }
}

/// True when a file with three colour channels, or a grey one, may carry this profile.
pub(super) fn is_usable(icc: &[u8]) -> bool {
    rgb_profile(icc)
        .and_then(|profile| Route::between(&profile, &ColorProfile::new_srgb()))
        .is_ok()
}

/// True when the profile is one for grey pictures.
pub(super) fn is_grey(icc: &[u8]) -> bool {
    ColorProfile::new_from_slice(icc).is_ok_and(|p| p.color_space == DataColorSpace::Gray)
}

/// The RGB profile as which a grey profile is read here, to be written beside coloured pixels.
pub(super) fn rgb_twin(grey_icc: &[u8]) -> Result<Vec<u8>, PictureError> {
    rgb_profile(grey_icc)?
        .encode()
        .map_err(|error| unusable(&error))
}

/// A profile for what cICP says (ITU-T H.273), where a picture so described has ordinary white:
/// full range, RGB, primaries with the white of D65, and no transfer for brighter than white.
pub(super) fn icc_of_cicp([primaries, transfer, matrix, full]: [u8; 4]) -> Option<Vec<u8>> {
    if matrix != 0 || full != 1 || !matches!(primaries, 1 | 5 | 6 | 7 | 9 | 12 | 22) {
        return None;
    }
    // 16 and 18 are PQ and HLG.
    if matches!(transfer, 0 | 2 | 3 | 16 | 18) {
        return None;
    }
    let primaries = CicpColorPrimaries::try_from(primaries).ok()?;
    let transfer = TransferCharacteristics::try_from(transfer).ok()?;
    let curve = ToneReprCurve::try_from(transfer).ok()?;
    let primaries = ColorPrimaries::try_from(primaries).ok()?;
    matrix_icc(D65, primaries, curve)
}

/// A profile for what gAMA and cHRM of a PNG say, both times 100 000: the exponent of encoding
/// (`None`: sRGB's curve), and x and y of white, red, green, blue (`None`: sRGB's). `None` for
/// values that no picture has.
pub(super) fn icc_of_gamma(
    gamma: Option<u32>,
    chromaticities: Option<[u32; 8]>,
    is_grey: bool,
) -> Option<Vec<u8>> {
    let exponent = match gamma {
        Some(gamma) if (10_000..=1_000_000).contains(&gamma) => Some(100_000.0 / gamma as f32),
        Some(_) => return None,
        None => None,
    };
    let srgb = ColorProfile::new_srgb();
    let curve = exponent.map_or(srgb.red_trc, |g| Some(ToneReprCurve::Parametric(vec![g])))?;
    if is_grey {
        let mut grey = ColorProfile::new_gray_with_gamma(1.0);
        grey.gray_trc = Some(curve);
        grey.creation_date_time = Default::default();
        return grey.encode().ok();
    }
    let Some(values) = chromaticities else {
        return matrix_icc(D65, ColorPrimaries::BT_709, curve);
    };
    let [wx, wy, rx, ry, gx, gy, bx, by] = values.map(|v| v as f32 / 100_000.0);
    let area = (rx - bx) * (gy - by) - (gx - bx) * (ry - by);
    let can_be = |x: f32, y: f32| y > 0.0 && x >= 0.0 && x + y <= 1.000_01;
    let points = [(wx, wy), (rx, ry), (gx, gy), (bx, by)];
    // Primaries of wide spaces may lie outside of what eyes can see, but not far.
    if area.abs() < 1e-3 || points.iter().any(|(x, y)| *x > 2.0 || *y > 2.0) || !can_be(wx, wy) {
        return None;
    }
    let primaries = ColorPrimaries {
        red: Chromaticity::new(rx, ry),
        green: Chromaticity::new(gx, gy),
        blue: Chromaticity::new(bx, by),
    };
    if points.iter().any(|(_, y)| *y <= 0.0) {
        return None;
    }
    matrix_icc(Chromaticity::new(wx, wy), primaries, curve)
}

const D65: Chromaticity = Chromaticity::new(0.3127, 0.3290);

fn matrix_icc(
    white: Chromaticity,
    primaries: ColorPrimaries,
    curve: ToneReprCurve,
) -> Option<Vec<u8>> {
    let mut profile = ColorProfile::new_srgb();
    profile.update_rgb_colorimetry(white.to_xyyb(), primaries);
    profile.cicp = None; // it would say that this is sRGB
    profile.red_trc = Some(curve.clone());
    profile.green_trc = Some(curve.clone());
    profile.blue_trc = Some(curve);
    profile.description = None;
    // The same chunks give the same bytes.
    profile.creation_date_time = Default::default();
    let icc = profile.encode().ok()?;
    is_usable(&icc).then_some(icc)
}

fn rgb_profile(icc: &[u8]) -> Result<ColorProfile, PictureError> {
    let profile = ColorProfile::new_from_slice(icc).map_err(|error| unusable(&error))?;
    match profile.color_space {
        DataColorSpace::Rgb => Ok(profile),
        DataColorSpace::Gray => {
            let curve = profile
                .gray_trc
                .filter(|_| profile.pcs == DataColorSpace::Xyz);
            let curve = curve.ok_or_else(|| because("a grey profile without a tone curve"))?;
            let mut twin = ColorProfile::new_srgb();
            twin.cicp = None; // it would say that the curve is that of sRGB
            twin.description = profile.description;
            twin.copyright = profile.copyright;
            twin.red_trc = Some(curve.clone());
            twin.green_trc = Some(curve.clone());
            twin.blue_trc = Some(curve);
            Ok(twin)
        }
        DataColorSpace::Cmyk => Err(because("it is for CMYK inks")),
        other => Err(because(&format!("it is for {other:?} numbers"))),
    }
}

fn unusable(error: &moxcms::CmsError) -> PictureError {
    because(&error.to_string())
}

fn because(why: &str) -> PictureError {
    PictureError::Profile {
        why: why.to_owned(),
    }
}

/// Table profiles may lack the table of one intent; the other one then serves.
fn with_intents<T>(
    make: impl Fn(TransformOptions) -> Result<T, moxcms::CmsError>,
) -> Result<T, PictureError> {
    let options = |rendering_intent| TransformOptions {
        rendering_intent,
        ..TransformOptions::default()
    };
    make(options(RenderingIntent::RelativeColorimetric))
        .or_else(|_| make(options(RenderingIntent::Perceptual)))
        .map_err(|error| unusable(&error))
}

/// How pixels get from one RGB profile to another.
enum Route {
    /// Curves and a matrix, evaluated in f32: moxcms's own f32 path rounds to 14 bits, too coarse
    /// for 16-bit pictures.
    Matrix(Box<MatrixRoute>),
    /// Tables of any kind.
    Tables(Arc<TransformF32Executor>),
}

struct MatrixRoute {
    decode: [Curve; 3],
    /// Linear source RGB to linear target RGB.
    matrix: [[f32; 3]; 3],
    encode: [Curve; 3],
}

impl Route {
    fn between(from: &ColorProfile, to: &ColorProfile) -> Result<Self, PictureError> {
        if let (Some(decode), Some(encode)) = (matrix_curves(from), matrix_curves(to)) {
            let Matrix3d { v } = from.transform_matrix(to);
            let route = MatrixRoute {
                decode: try_each(decode, Curve::decoding)?,
                matrix: v.map(|row| row.map(|value| value as f32)),
                encode: try_each(encode, Curve::encoding)?,
            };
            return Ok(Self::Matrix(Box::new(route)));
        }
        with_intents(|options| from.create_transform_f32(Layout::Rgb, to, Layout::Rgb, options))
            .map(Self::Tables)
    }

    fn apply(&self, pixels: &mut [[f32; 3]]) -> Result<(), PictureError> {
        match self {
            Self::Matrix(route) => {
                for pixel in &mut *pixels {
                    *pixel = route.convert(*pixel);
                }
            }
            Self::Tables(transform) => {
                for part in pixels.chunks_mut(4096) {
                    let before: Vec<[f32; 3]> = part.iter().map(|p| p.map(into_range)).collect();
                    transform
                        .transform(
                            bytemuck::cast_slice(&before),
                            bytemuck::cast_slice_mut(part),
                        )
                        .map_err(|error| unusable(&error))?;
                }
                for pixel in &mut *pixels {
                    *pixel = pixel.map(into_range);
                }
            }
        }
        Ok(())
    }
}

impl MatrixRoute {
    fn convert(&self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let [decode_r, decode_g, decode_b] = &self.decode;
        let (r, g, b) = (decode_r.at(r), decode_g.at(g), decode_b.at(b));
        let [to_r, to_g, to_b] = self.matrix.map(|[x, y, z]| x * r + y * g + z * b);
        let [encode_r, encode_g, encode_b] = &self.encode;
        [encode_r.at(to_r), encode_g.at(to_g), encode_b.at(to_b)]
    }
}

/// The tone curves of a profile that is nothing but curves and a matrix.
fn matrix_curves(profile: &ColorProfile) -> Option<[&ToneReprCurve; 3]> {
    let has_tables = [
        &profile.lut_a_to_b_perceptual,
        &profile.lut_a_to_b_colorimetric,
        &profile.lut_a_to_b_saturation,
        &profile.lut_b_to_a_perceptual,
        &profile.lut_b_to_a_colorimetric,
        &profile.lut_b_to_a_saturation,
    ]
    .into_iter()
    .any(Option::is_some);
    if has_tables || !profile.is_matrix_shaper() || profile.pcs != DataColorSpace::Xyz {
        return None;
    }
    Some([
        profile.red_trc.as_ref()?,
        profile.green_trc.as_ref()?,
        profile.blue_trc.as_ref()?,
    ])
}

fn try_each<'a>(
    [r, g, b]: [&'a ToneReprCurve; 3],
    make: impl Fn(&'a ToneReprCurve) -> Result<Curve, PictureError>,
) -> Result<[Curve; 3], PictureError> {
    Ok([make(r)?, make(g)?, make(b)?])
}

/// A tone curve in one direction; takes anything, answers 0…1.
enum Curve {
    Formula(Box<dyn ToneCurveEvaluator + Send + Sync>),
    /// The way back through a sampled curve: moxcms's inverse is sampled too coarsely near black.
    InverseTable(Vec<u16>),
}

impl Curve {
    fn decoding(curve: &ToneReprCurve) -> Result<Self, PictureError> {
        curve
            .make_linear_evaluator()
            .map(Self::Formula)
            .map_err(|error| unusable(&error))
    }

    fn encoding(curve: &ToneReprCurve) -> Result<Self, PictureError> {
        if let ToneReprCurve::Lut(table) = curve
            && table.len() > 1
        {
            if !table.is_sorted() {
                return Err(because("a tone curve that falls"));
            }
            return Ok(Self::InverseTable(table.clone()));
        }
        curve
            .make_gamma_evaluator()
            .map(Self::Formula)
            .map_err(|error| unusable(&error))
    }

    fn at(&self, value: f32) -> f32 {
        let value = into_range(value);
        match self {
            Self::Formula(formula) => into_range(formula.evaluate_value(value)),
            Self::InverseTable(table) => inverse(table, value),
        }
    }
}

/// Where a rising sampled curve over 0…1 takes `value`.
fn inverse(table: &[u16], value: f32) -> f32 {
    let wanted = value * 65535.0;
    let above = table.partition_point(|&entry| f32::from(entry) < wanted);
    let Some(before) = above.checked_sub(1) else {
        return 0.0;
    };
    let (Some(&low), Some(&high)) = (table.get(before), table.get(above)) else {
        return 1.0;
    };
    let share = (wanted - f32::from(low)) / (f32::from(high) - f32::from(low));
    (before as f32 + share) / (table.len() - 1) as f32
}

/// Not-a-number becomes 0.
fn into_range(value: f32) -> f32 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use moxcms::CmsError;

    fn icc(profile: Result<Vec<u8>, CmsError>) -> Profile {
        Profile::Icc(Arc::new(profile.unwrap()))
    }

    fn profiles() -> [Profile; 4] {
        // The curve of a version 2 profile: 1024 samples instead of a formula.
        let mut sampled = ColorProfile::new_adobe_rgb();
        let table: Vec<u16> = (0..1024)
            .map(|i| ((i as f64 / 1023.0).powf(1.8) * 65535.0).round() as u16)
            .collect();
        sampled.red_trc = Some(ToneReprCurve::Lut(table.clone()));
        sampled.green_trc = sampled.red_trc.clone();
        sampled.blue_trc = Some(ToneReprCurve::Lut(table));
        [
            icc(ColorProfile::new_display_p3().encode()),
            icc(ColorProfile::new_adobe_rgb().encode()),
            icc(sampled.encode()),
            icc(ColorProfile::new_gray_with_gamma(1.8).encode()),
        ]
    }

    #[test]
    fn srgb_is_left_alone() {
        let mut pixels = [[0.1, -3.0, 7.0], [0.5; 3]];
        let before = pixels;
        to_srgb(&Profile::Srgb, &mut pixels).unwrap();
        from_srgb(&Profile::Srgb, &mut pixels).unwrap();
        assert_eq!(pixels, before);
        assert!(DisplayTransform::new(&Profile::Srgb).unwrap().is_identity());
    }

    #[test]
    fn published_colours_arrive_where_they_should() {
        // CSS Color 4: color(display-p3 0.5 0.7 0.3) and color(a98-rgb 0.5 0.7 0.3),
        // computed with its matrices in f64.
        let [p3, adobe, ..] = profiles();
        let cases = [
            (p3, [0.5, 0.7, 0.3], [0.438_44, 0.706_87, 0.223_78]),
            (adobe, [0.5, 0.7, 0.3], [0.385_14, 0.705_87, 0.258_28]),
        ];
        for (profile, given, wanted) in cases {
            let mut pixels = [given];
            to_srgb(&profile, &mut pixels).unwrap();
            for (got, wanted) in pixels[0].iter().zip(wanted) {
                assert!((got - wanted).abs() < 2e-3, "{pixels:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn what_srgb_can_show_survives_the_way_there_and_back() {
        for profile in profiles() {
            let colours: Vec<[f32; 3]> = (0..=20)
                .flat_map(|i| [[i, 20 - i, 10], [i, i, i], [20, i, 3]])
                .map(|p| p.map(|v| v as f32 / 20.0))
                .collect();
            let mut pixels = colours.clone();
            from_srgb(&profile, &mut pixels).unwrap();
            to_srgb(&profile, &mut pixels).unwrap();
            for (got, wanted) in pixels.iter().flatten().zip(colours.iter().flatten()) {
                assert!((got - wanted).abs() < 2e-4, "{got} {wanted}");
            }
        }
    }

    #[test]
    fn grey_profiles_keep_grey_grey() {
        let [.., grey] = profiles();
        let mut pixels = [[0.0; 3], [0.5; 3], [1.0; 3]];
        to_srgb(&grey, &mut pixels).unwrap();
        // 0.5^1.8 = 0.28717 linear, 0.57231 in sRGB.
        for (pixel, wanted) in pixels.iter().zip([0.0f32, 0.572_31, 1.0]) {
            assert!(pixel.iter().all(|v| (v - wanted).abs() < 1e-3), "{pixel:?}");
        }
    }

    #[test]
    fn the_screen_path_agrees_with_the_exact_one_within_a_level() {
        for profile in profiles() {
            let mut tile: Vec<[u8; 4]> = (0..=255u8).map(|v| [v, 255 - v, v / 2 + 60, v]).collect();
            let mut exact: Vec<[f32; 3]> = tile
                .iter()
                .map(|p| [p[0], p[1], p[2]].map(|v| f32::from(v) / 255.0))
                .collect();
            DisplayTransform::new(&profile)
                .unwrap()
                .to_srgb8(&mut tile)
                .unwrap();
            to_srgb(&profile, &mut exact).unwrap();
            for (i, (shown, exact)) in tile.iter().zip(&exact).enumerate() {
                assert_eq!(usize::from(shown[3]), i, "alpha stays");
                for c in 0..3 {
                    assert!(
                        (f32::from(shown[c]) - exact[c] * 255.0).abs() <= 1.5,
                        "{shown:?} {exact:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn damaged_and_printing_profiles_are_refused() {
        let mut cmyk = ColorProfile::new_srgb().encode().unwrap();
        cmyk[16..20].copy_from_slice(b"CMYK");
        for bytes in [vec![], vec![7; 40], cmyk] {
            let profile = Profile::Icc(Arc::new(bytes));
            let error = to_srgb(&profile, &mut [[0.5; 3]]).unwrap_err();
            assert!(matches!(error, PictureError::Profile { .. }));
        }
    }
}
