//! A proc macro.

use proc_macro::TokenStream;

/// Expands to 10.
#[proc_macro]
pub fn ten(_: TokenStream) -> TokenStream {
    numbers::twice(5).to_string().parse().unwrap()
}
