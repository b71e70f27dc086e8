//! [`Resolution`]: how large a picture is printed, in each container's own numbers.

use serde::{Deserialize, Serialize};

/// Metres in an inch.
const METRES_PER_INCH: f64 = 0.0254;

/// What a resolution counts pixels per.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResolutionUnit {
    /// Nothing: only the shape of a pixel is said.
    Aspect,
    /// 25.4 mm.
    Inch,
    /// 10 mm.
    Centimetre,
    /// 1000 mm.
    Metre,
}

/// Pixels per unit of length, as fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resolution {
    /// Pixels per unit from left to right: numerator and denominator, neither 0.
    pub x: (u32, u32),
    /// The same from top to bottom.
    pub y: (u32, u32),
    /// What they count per.
    pub unit: ResolutionUnit,
}

impl Resolution {
    /// `None` where a number is 0, or where nothing is said: square pixels of no size.
    pub(super) fn new(x: (u32, u32), y: (u32, u32), unit: ResolutionUnit) -> Option<Self> {
        let is_whole = [x.0, x.1, y.0, y.1].iter().all(|n| *n > 0);
        let is_square = u64::from(x.0) * u64::from(y.1) == u64::from(y.0) * u64::from(x.1);
        (is_whole && !(unit == ResolutionUnit::Aspect && is_square)).then_some(Self { x, y, unit })
    }

    /// PNG's pHYs: unit 1 is the metre, 0 none.
    pub(super) fn from_png(x: u32, y: u32, unit: u8) -> Option<Self> {
        let unit = match unit {
            0 => ResolutionUnit::Aspect,
            1 => ResolutionUnit::Metre,
            _ => return None,
        };
        Self::new((x, 1), (y, 1), unit)
    }

    /// JFIF's density: unit 1 is the inch, 2 the centimetre, 0 none.
    pub(super) fn from_jfif(x: u16, y: u16, unit: u8) -> Option<Self> {
        let unit = match unit {
            0 => ResolutionUnit::Aspect,
            1 => ResolutionUnit::Inch,
            2 => ResolutionUnit::Centimetre,
            _ => return None,
        };
        Self::new((x.into(), 1), (y.into(), 1), unit)
    }

    /// The numbers of TIFF and EXIF: unit 2 is the inch, 3 the centimetre, 1 none.
    pub(super) fn from_tiff(x: (u32, u32), y: (u32, u32), unit: u32) -> Option<Self> {
        let unit = match unit {
            1 => ResolutionUnit::Aspect,
            2 => ResolutionUnit::Inch,
            3 => ResolutionUnit::Centimetre,
            _ => return None,
        };
        Self::new(x, y, unit)
    }

    /// That of the picture turned by 90°.
    #[must_use]
    pub(super) fn turned(self) -> Self {
        Self {
            x: self.y,
            y: self.x,
            ..self
        }
    }

    /// Pixels per inch, across and down; `None` where only the shape is said.
    pub fn per_inch(&self) -> Option<[f64; 2]> {
        let inch = |(n, d): (u32, u32)| {
            let value = f64::from(n) / f64::from(d);
            match self.unit {
                ResolutionUnit::Aspect => None,
                ResolutionUnit::Inch => Some(value),
                ResolutionUnit::Centimetre => Some(value * 2.54),
                ResolutionUnit::Metre => {
                    // A whole number of dots per inch that gives this number is what was meant.
                    let whole = (value * METRES_PER_INCH).round();
                    let is_meant = (whole / METRES_PER_INCH).round() == value && whole > 0.0;
                    Some(if is_meant {
                        whole
                    } else {
                        value * METRES_PER_INCH
                    })
                }
            }
        };
        Some([inch(self.x)?, inch(self.y)?])
    }

    /// For pHYs: pixels per metre and unit 1, or a shape and unit 0.
    pub(super) fn to_png(self) -> Option<(u32, u32, u8)> {
        if self.unit == ResolutionUnit::Metre && self.x.1 == 1 && self.y.1 == 1 {
            return Some((self.x.0, self.y.0, 1));
        }
        if let Some(dpi) = self.per_inch() {
            let [x, y] = dpi.map(|dpi| (dpi / METRES_PER_INCH).round());
            let fits = |v: f64| (1.0..=f64::from(i32::MAX)).contains(&v);
            return (fits(x) && fits(y)).then_some((x as u32, y as u32, 1));
        }
        let (x, y) = self.shape(i32::MAX as u32)?;
        Some((x, y, 0))
    }

    /// For JFIF: density and unit. Whole numbers of 16 bits; what is larger cannot be said.
    pub(super) fn to_jfif(self) -> Option<(u16, u16, u8)> {
        let Some(dpi) = self.per_inch() else {
            let (x, y) = self.shape(u16::MAX.into())?;
            return Some((x as u16, y as u16, 0));
        };
        let per_cm = dpi.map(|dpi| dpi / 2.54);
        let is_whole = |v: &f64| (v - v.round()).abs() < 1e-6;
        let in_cm = self.unit == ResolutionUnit::Centimetre && per_cm.iter().all(is_whole);
        let ([x, y], unit) = if in_cm { (per_cm, 2) } else { (dpi, 1) };
        let fits = |v: f64| (1.0..=65_535.0).contains(&v);
        let (x, y) = (x.round(), y.round());
        (fits(x) && fits(y)).then_some((x as u16, y as u16, unit))
    }

    /// For TIFF and EXIF: two fractions and the unit.
    pub(super) fn to_tiff(self) -> ((u32, u32), (u32, u32), u16) {
        match (self.unit, self.per_inch()) {
            (ResolutionUnit::Inch, _) => (self.x, self.y, 2),
            (ResolutionUnit::Centimetre, _) => (self.x, self.y, 3),
            (ResolutionUnit::Metre, Some([x, y])) if x.fract() == 0.0 && y.fract() == 0.0 => {
                ((x as u32, 1), (y as u32, 1), 2)
            }
            (ResolutionUnit::Metre, _) => {
                let cm = |(n, d): (u32, u32)| (n, d.saturating_mul(100));
                (cm(self.x), cm(self.y), 3)
            }
            (ResolutionUnit::Aspect, _) => (self.x, self.y, 1),
        }
    }

    /// Two whole numbers in the relation of x to y, neither above `most`.
    fn shape(self, most: u32) -> Option<(u32, u32)> {
        let (mut x, mut y) = (
            u64::from(self.x.0) * u64::from(self.y.1),
            u64::from(self.y.0) * u64::from(self.x.1),
        );
        while x.max(y) > u64::from(most) {
            (x, y) = (x / 2, y / 2);
        }
        (x > 0 && y > 0).then_some((x as u32, y as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_dots_survives_every_container() {
        for dpi in [
            1u16, 72, 96, 150, 203, 240, 299, 300, 301, 360, 600, 1200, 2400,
        ] {
            let jfif = Resolution::from_jfif(dpi, dpi + 1, 1).unwrap();
            let (x, y, unit) = jfif.to_png().unwrap();
            let png = Resolution::from_png(x, y, unit).unwrap();
            assert_eq!(png.to_jfif(), Some((dpi, dpi + 1, 1)));
            let (x, y, unit) = png.to_tiff();
            assert_eq!((x, y), ((u32::from(dpi), 1), (u32::from(dpi) + 1, 1)));
            let tiff = Resolution::from_tiff(x, y, unit.into()).unwrap();
            assert_eq!(tiff.per_inch(), jfif.per_inch());
        }
        let odd = Resolution::from_tiff((3_000_001, 10_000), (118, 1), 2).unwrap();
        let (x, y, unit) = odd.to_png().unwrap();
        assert_eq!((x, y, unit), (11811, 4646, 1));
        let metric = Resolution::from_jfif(118, 118, 2).unwrap();
        assert_eq!(metric.to_jfif(), Some((118, 118, 2)));
        assert_eq!(metric.to_png(), Some((11800, 11800, 1)));
    }

    #[test]
    fn what_says_nothing_or_cannot_be_said_is_none() {
        assert_eq!(Resolution::from_jfif(1, 1, 0), None);
        assert_eq!(Resolution::from_jfif(0, 72, 1), None);
        assert_eq!(Resolution::from_png(5, 5, 7), None);
        let shape = Resolution::from_tiff((4, 2), (1, 1), 1).unwrap();
        assert_eq!(shape.to_jfif(), Some((4, 2, 0)));
        assert_eq!(shape.per_inch(), None);
        let fine = Resolution::from_png(u32::MAX, u32::MAX, 1).unwrap();
        assert_eq!(fine.to_jfif(), None);
        assert_eq!(fine.to_tiff().2, 3);
    }
}
