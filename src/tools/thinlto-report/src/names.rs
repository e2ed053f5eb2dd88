//! Names of functions as people write them.

/// The readable name of a symbol. A suffix that LLVM added when it promoted a local symbol is not part of
/// it.
pub fn demangled(symbol: &str) -> String {
    let symbol = without_promotion(symbol);
    if let Ok(name) = rustc_demangle::try_demangle(symbol) {
        return format!("{name:#}");
    }
    match cpp_demangle::Symbol::new(symbol).map(|symbol| symbol.demangle(&Default::default())) {
        Ok(Ok(name)) => name,
        _ => symbol.to_owned(),
    }
}

/// The symbol before a promotion, which appends `.llvm.` and the hash of the module.
pub fn without_promotion(symbol: &str) -> &str {
    match symbol.rsplit_once(".llvm.") {
        Some((name, hash)) if hash.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => symbol,
    }
}

/// Whether `query` names the function: its symbol, its readable name, or the last parts of its path,
/// with or without generic arguments and parameters.
pub fn matches(query: &str, symbol: &str, name: &str) -> bool {
    if query == without_promotion(symbol) || query == name {
        return true;
    }
    let (query, name) = (plain(query), plain(name));
    let is_end = name
        .strip_suffix(&query)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with("::"));
    !query.is_empty() && is_end
}

/// Whether somebody who wrote `query` may have meant the function.
pub fn are_similar(query: &str, name: &str) -> bool {
    let (query, name) = (plain(query), plain(name));
    let last = |path: &str| path.rsplit("::").next().unwrap_or_default().to_owned();
    strsim::jaro_winkler(&last(&query), &last(&name)) > 0.85
}

/// A name without generic arguments and parameters. `<A as B>::f` is `::f`.
fn plain(name: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let mut previous = ' ';
    for letter in name.chars() {
        match letter {
            '<' | '(' => depth += 1,
            // Not the arrow of a function type.
            '>' | ')' if previous != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
        previous = letter;
    }
    // `f::<T>`; in C++, `f(int) const`.
    let plain = plain.trim_end_matches(" const").trim_end_matches("::");
    plain.replace("::::", "::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_both_languages_are_readable() {
        for (symbol, name) in [
            ("_ZN7numbers6double17h0123456789abcdefE", "numbers::double"),
            ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
            (
                "_ZN7numbers6double17h0123456789abcdefE.llvm.123",
                "numbers::double",
            ),
            ("_ZNK6Square4areaEv", "Square::area() const"),
            ("_ZL5locali.llvm.77", "local(int)"),
            ("main", "main"),
        ] {
            assert_eq!(demangled(symbol), name);
        }
    }

    #[test]
    fn a_query_is_the_end_of_a_path() {
        let name = "numbers::sum::add::<u32>";
        for query in [
            "add",
            "sum::add",
            "numbers::sum::add",
            "add::<u32>",
            name,
            "sym",
        ] {
            assert!(matches(query, "sym", name), "{query}");
        }
        for query in ["dd", "um::add", "numbers::add", "add::sub", "", "::<u32>"] {
            assert!(!matches(query, "sym", name), "{query}");
        }
        assert!(matches("area", "s", "Square::area(int) const"));
        assert!(matches("Square::area", "s", "Square::area(int) const"));
        assert!(matches("fmt", "s", "<a::A as core::fmt::Debug>::fmt"));
        assert!(matches("call", "s", "a::call::<fn(u8) -> u8>"));
    }
}
