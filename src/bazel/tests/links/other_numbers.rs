pub mod even {
    #[inline(never)]
    pub fn count(numbers: &[u64]) -> usize {
        numbers.iter().filter(|number| **number % 2 == 0).count()
    }
}

pub mod odd {
    pub fn count(numbers: &[u64]) -> usize {
        numbers.len() - super::even::count(numbers)
    }
}
