/// Generic, so it is instantiated in other crates.
pub fn largest<T: Ord + Copy>(numbers: &[T]) -> Option<T> {
    numbers.iter().copied().max()
}

pub fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn sums() {
        assert_eq!(super::sum(&[1, 2, 3]), 6);
        assert_eq!(super::largest(&[1, 3, 2]), Some(3));
    }
}
