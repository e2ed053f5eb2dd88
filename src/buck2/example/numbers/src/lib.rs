//! Arithmetic. Its functions are too large for rustc to inline them in other crates without LTO.

/// The sum of numbers.
pub fn sum(numbers: &[u64]) -> u64 {
    let mut sum = start();
    for number in numbers {
        sum += number;
    }
    sum
}

/// The product of two numbers.
pub fn product(left: u64, right: u64) -> u64 {
    [left, right].iter().product()
}

fn start() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    #[test]
    fn sums() {
        assert_eq!(super::sum(&[1, 2, 3]), 6);
    }

    #[test]
    fn products() {
        assert_eq!(super::product(6, 7), 42);
    }
}
