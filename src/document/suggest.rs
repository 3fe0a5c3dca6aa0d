//! “Did you mean …?”

/// How many look-ups one configuration may make: with thousands of unknown
/// names the comparison with every known one would take long, and help nobody.
const BUDGET: usize = 2_000_000;

/// Finds the nearest known name, within a bounded amount of work.
#[derive(Debug)]
pub struct Suggester {
    left: usize,
}

impl Default for Suggester {
    fn default() -> Self {
        Self { left: BUDGET }
    }
}

impl Suggester {
    /// The candidate that `wrong` was probably meant to be.
    pub fn nearest<'a>(&mut self, wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let limit = (wrong.chars().count() / 3).clamp(1, 3);
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            let cost = 1 + wrong.len().saturating_mul(candidate.len()) / 64;
            self.left = self.left.checked_sub(cost)?;
            if candidate.len().abs_diff(wrong.len()) > 4 * limit {
                continue;
            }
            let distance = strsim::damerau_levenshtein(wrong, candidate);
            if distance <= limit && best.is_none_or(|(d, _)| distance < d) {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found_and_the_far_is_not() {
        let names = ["mynumber", "lgwan", "internet"];
        let mut suggester = Suggester::default();
        assert_eq!(suggester.nearest("mynumbr", names.into_iter()), Some("mynumber"));
        assert_eq!(suggester.nearest("lgwna", names.into_iter()), Some("lgwan"));
        assert_eq!(suggester.nearest("management", names.into_iter()), None);
    }

    #[test]
    fn the_work_is_bounded() {
        let long = "x".repeat(10_000);
        let mut suggester = Suggester::default();
        assert_eq!(suggester.nearest(&long, std::iter::repeat_n(long.as_str(), 1000)), None);
    }
}
