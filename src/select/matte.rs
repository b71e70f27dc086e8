//! How much of the subject each pixel is, where the network's map is not sure.
//!
//! The map is the truth seen through a blur of about a pixel of its own. Two answers explain it:
//! * *sharp*: the photograph has an edge or strands there. The map is made a function of the photograph's colours,
//!   window by window ([`Guide`]), its contrast is raised about the mean around, and what it then says blurred is
//!   compared with the map and given back to it (back-projection, Irani & Peleg 1991). Contrast about one half in place
//!   of the mean around would lose thin strands, which are never more than a third of a pixel of the map.
//! * *soft*: the edge is out of focus, and the map, its own blur taken off (one step of Van Cittert 1931), is all that
//!   is known: sharpening would follow grain.
//!
//! Which one is right is asked of the photograph: a pixel's colour is a mix of the subject's and the background's, so
//! colours must be a line over the right answer. The answer that leaves less of the colours unexplained around a pixel
//! is taken, the soft one in doubt. Constants are those of a prototype measured on composites of known opacity
//! (`benches/matte`), and hold where the map's blur is 1 to 1.5 of its pixels.

use super::area::Area;
use super::guided_filter::{Guide, applied};
use super::known::Known;
use crate::raster::RgbF32;

/// The sharp answer's function of colours, then the soft answer, then how far the sharp one is believed, 0…1.
pub(super) type Answer = [f32; 6];

/// The map's own blur, as the standard deviation of a bell in pixels of the map.
const BLUR_MAP_PX: f32 = 1.2;
/// Windows of the guided filter reach that many pixels of the map to each side.
const RADIUS_MAP_PX: f32 = 2.9;
/// Variance of colours below which a window is flat; 0…1 is full scale.
const EPSILON: f32 = 1e-5;
/// How often contrast is raised, by how much, and how often what the map says is given back each time.
const ROUNDS: usize = 3;
const CONTRAST: f32 = 2.0;
const CORRECTIONS: usize = 2;
/// The filter's last answer at the sure ends falls short of 0 and 1 by this much.
const SHORT: f32 = 0.08;
/// Answers are compared over windows that reach that many pixels of the map.
const COMPARED_MAP_PX: f32 = 1.6;
/// The soft answer must leave that much more unexplained before the sharp one is believed, and how fast that goes.
const DOUBT: f32 = 0.2;
const DECISION: f32 = 10.0;
/// Of variances of colours: below this nothing is to be explained.
const LEAST_VARIANCE: f32 = 1e-5;
/// Of variances of an answer: below this it explains nothing.
const LEAST_SPREAD: f32 = 1e-4;

/// The answers for all pixels of a picture that are not known. `map` has its size, and was enlarged `per_map_px` times.
pub(super) fn answers(
    picture: &RgbF32,
    map: &[f32],
    known: &[Known],
    per_map_px: f32,
) -> Vec<Answer> {
    let px = |map_px: f32| ((map_px * per_map_px).round() as usize).max(1);
    let radius_px = px(RADIUS_MAP_PX);
    let is_unsure = |at: usize| known.get(at) == Some(&Known::Unsure);
    let area = Area::around(picture.extent, radius_px, is_unsure);
    let band = Band {
        picture,
        map,
        known,
        area: &area,
        blur_px: BLUR_MAP_PX * per_map_px,
    };
    let soft = band.soft();
    let guide = Guide::new(picture, &area, radius_px, EPSILON);
    let functions = guide.fit(&band.sharp(&guide));
    let sharp = band.plane(|at| stretched(applied(value(&functions, at), band.colour(at))));
    let compared_px = px(COMPARED_MAP_PX);
    let of_sharp = band.unexplained(&sharp, compared_px);
    let of_soft = band.unexplained(&soft, compared_px);
    area.made(|at| {
        let [sharp, soft_one] = [&of_sharp, &of_soft].map(|of| value(of, at)[0] + LEAST_VARIANCE);
        let more = soft_one / sharp - 1.0;
        let believed = 1.0 / (1.0 + (-DECISION * (more - DOUBT)).exp());
        let [red, green, blue, added] = value(&functions, at);
        [red, green, blue, added, value(&soft, at), believed]
    })
}

/// What an answer comes to at a colour.
pub(super) fn share([red, green, blue, added, soft, believed]: &Answer, colour: [f32; 3]) -> f32 {
    let sharp = stretched(applied([*red, *green, *blue, *added], colour));
    soft + (sharp - soft) * believed
}

/// What is known where the map is not sure.
struct Band<'a> {
    picture: &'a RgbF32,
    map: &'a [f32],
    known: &'a [Known],
    area: &'a Area,
    /// The map's own blur in pixels of the picture.
    blur_px: f32,
}

impl Band<'_> {
    /// What is known, and between what `asked` says.
    fn plane(&self, asked: impl Fn(usize) -> f32 + Sync) -> Vec<f32> {
        let known = self.known.iter();
        let mut plane: Vec<f32> = known.map(|known| known.or(|| 0.0)).collect();
        self.fill(&mut plane, asked);
        plane
    }

    /// Asks again.
    fn fill(&self, plane: &mut [f32], asked: impl Fn(usize) -> f32 + Sync) {
        self.area.change(plane, |_, at| {
            let known = self.known.get(at).copied().unwrap_or(Known::Outside);
            known.or(|| asked(at).clamp(0.0, 1.0))
        });
    }

    fn colour(&self, at: usize) -> [f32; 3] {
        value(&self.picture.pixels, at)
    }

    /// The map without its own blur.
    fn soft(&self) -> Vec<f32> {
        let blurred = self.area.blurred(self.map, self.blur_px);
        self.plane(|at| 2.0 * value(self.map, at) - value(&blurred, at))
    }

    /// What the colours make of the map, with the contrast of a sharp edge and the means of the map.
    fn sharp(&self, guide: &Guide<'_>) -> Vec<f32> {
        let mut share = self.plane(|at| value(self.map, at));
        for _ in 0..ROUNDS {
            let functions = guide.fit(&share);
            let coloured = self.plane(|at| applied(value(&functions, at), self.colour(at)));
            let around = self.area.blurred(&coloured, self.blur_px);
            let raised = self.area.made(|at| {
                let around = value(&around, at);
                around + CONTRAST * (value(&coloured, at) - around)
            });
            self.fill(&mut share, |at| value(&raised, at));
            // What the map says and the answer, blurred, does not.
            let mut missing = vec![0f32; raised.len()];
            for _ in 0..CORRECTIONS {
                let blurred = self.area.blurred(&share, self.blur_px);
                let more = |missing, at| missing + value(self.map, at) - value(&blurred, at);
                self.area.change(&mut missing, more);
                self.fill(&mut share, |at| value(&raised, at) + value(&missing, at));
            }
        }
        share
    }

    /// What an answer leaves unexplained of the variance of colours: in each window the colours are fitted as a line
    /// over the answer. The mean of the windows that a pixel is in.
    fn unexplained(&self, answer: &[f32], radius_px: usize) -> Vec<[f32; 1]> {
        let means = self.area.box_means(radius_px, |at| {
            let ([r, g, b], a) = (self.colour(at), value(answer, at));
            [
                r,
                g,
                b,
                r * r + g * g + b * b,
                a * r,
                a * g,
                a * b,
                a,
                a * a,
            ]
        });
        let unexplained = self.area.made(|at| {
            let [r, g, b, squares, by_red, by_green, by_blue, a, aa] = value(&means, at);
            let variance = squares - r * r - g * g - b * b;
            let (red, green, blue) = (by_red - a * r, by_green - a * g, by_blue - a * b);
            let explained = red * red + green * green + blue * blue;
            (variance - explained / (aa - a * a + LEAST_SPREAD)).max(0.0)
        });
        let mean = |at| [value(&unexplained, at)];
        self.area.box_means(radius_px, mean)
    }
}

fn value<T: Copy + Default>(plane: &[T], at: usize) -> T {
    plane.get(at).copied().unwrap_or_default()
}

fn stretched(value: f32) -> f32 {
    ((value - SHORT) / (1.0 - 2.0 * SHORT)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Extent;

    const SIDE: usize = 128;

    /// The answers for an edge down the middle of a grainy picture that is `soft_px` wide, and of which a map of a
    /// third of its size, with its own blur, is known.
    fn answers_for(soft_px: f32) -> Vec<Answer> {
        let extent = Extent::new(SIDE as u32, SIDE as u32);
        let bell = |x: f32, deviation: f32| 1.0 / (1.0 + (-1.702 * (x - 64.0) / deviation).exp());
        let places = || (0..extent.len()).map(|at| ((at % SIDE) as f32 + 0.5, at));
        let grain = |at: usize| ((at * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.04;
        let pixels = places().map(|(x, at)| {
            let share = bell(x, soft_px);
            [0.8, 0.3, 0.2].map(|front: f32| front * share + 0.4 * (1.0 - share) + grain(at))
        });
        let picture = RgbF32 {
            extent,
            pixels: pixels.collect(),
        };
        let blur_px = BLUR_MAP_PX * 3.0;
        let map: Vec<f32> = places()
            .map(|(x, _)| bell(x, soft_px.hypot(blur_px)))
            .collect();
        let known: Vec<Known> = map
            .iter()
            .map(|share| match share {
                share if *share < 0.05 => Known::Outside,
                share if *share > 0.95 => Known::Inside,
                _ => Known::Unsure,
            })
            .collect();
        answers(&picture, &map, &known, 3.0)
    }

    #[test]
    fn the_photograph_says_whether_its_edge_is_sharp() {
        let believed = |soft_px| answers_for(soft_px)[64 * SIDE + 64][5];
        assert!(believed(0.3) > 0.9, "{}", believed(0.3));
        assert!(believed(8.0) < 0.4, "{}", believed(8.0));
    }

    #[test]
    fn an_edge_comes_out_as_wide_as_it_is() {
        for (soft_px, most) in [(0.3, 0.05), (8.0, 0.06)] {
            let answers = answers_for(soft_px);
            let mut sum = 0.0;
            for x in 54..74 {
                let share_known = 1.0 / (1.0 + (-1.702 * (x as f32 - 63.5) / soft_px).exp());
                let colour =
                    [0.8, 0.3, 0.2].map(|c: f32| c * share_known + 0.4 * (1.0 - share_known));
                sum += (share(&answers[64 * SIDE + x], colour) - share_known).abs();
            }
            assert!(sum / 20.0 < most, "{soft_px}: {}", sum / 20.0);
        }
    }
}
