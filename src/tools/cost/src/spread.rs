//! Counts of several runs, and how they are printed.

/// The range and the median of several counts.
pub struct Spread {
    least: u64,
    pub median: u64,
    most: u64,
}

impl Spread {
    pub fn of(counts: &mut [u64]) -> Spread {
        counts.sort_unstable();
        Spread {
            least: counts[0],
            median: counts[counts.len() / 2],
            most: counts[counts.len() - 1],
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [least, median, most] = [self.least, self.median, self.most].map(|n| grouped(n as i64));
        write!(f, "{median} ({least} to {most})")
    }
}

/// `1234567` as `1,234,567`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(4_786_839), "4,786,839");
        assert_eq!(grouped(-1_000), "-1,000");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let spread = Spread::of(&mut [5, 1, 9]);
        assert_eq!(spread.to_string(), "5 (1 to 9)");
    }
}
