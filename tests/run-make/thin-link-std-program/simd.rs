//! Searches for a byte with code for features of the CPU, chosen when it runs.

use std::arch::x86_64::*;

/// The position of the first `byte` in `text`.
pub fn find(byte: u8, text: &[u8]) -> Option<usize> {
    match find_avx2(byte, text) {
        Some(found) => found,
        None => find_sse2(byte, text),
    }
}

/// As [`find`], or `None` if the CPU has no AVX2.
pub fn find_avx2(byte: u8, text: &[u8]) -> Option<Option<usize>> {
    // SAFETY: the CPU has the feature.
    is_x86_feature_detected!("avx2").then(|| unsafe { by_32(byte, text) })
}

/// As [`find`], for any x86-64 CPU.
pub fn find_sse2(byte: u8, text: &[u8]) -> Option<usize> {
    let chunks = text.as_chunks::<16>();
    for (number, chunk) in chunks.0.iter().enumerate() {
        // SAFETY: each load is of a whole chunk; the feature is part of x86-64.
        let equal = unsafe {
            let chunk = _mm_loadu_si128(chunk.as_ptr().cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(chunk, _mm_set1_epi8(byte as i8)))
        };
        if equal != 0 {
            return Some(number * 16 + equal.trailing_zeros() as usize);
        }
    }
    in_rest(byte, text, chunks.1)
}

#[target_feature(enable = "avx2")]
fn by_32(byte: u8, text: &[u8]) -> Option<usize> {
    let chunks = text.as_chunks::<32>();
    for (number, chunk) in chunks.0.iter().enumerate() {
        // SAFETY: the load is of a whole chunk.
        let chunk = unsafe { _mm256_loadu_si256(chunk.as_ptr().cast()) };
        let equal = _mm256_movemask_epi8(_mm256_cmpeq_epi8(chunk, _mm256_set1_epi8(byte as i8)));
        if equal != 0 {
            return Some(number * 32 + equal.trailing_zeros() as usize);
        }
    }
    in_rest(byte, text, chunks.1)
}

fn in_rest(byte: u8, text: &[u8], rest: &[u8]) -> Option<usize> {
    let found = rest.iter().position(|&it| it == byte)?;
    Some(text.len() - rest.len() + found)
}
