//! A proc macro.

use proc_macro::{TokenStream, TokenTree};

/// Adds a function `describe`, which returns the name of the type.
#[proc_macro_derive(Describe)]
pub fn describe(input: TokenStream) -> TokenStream {
    let mut words = input.into_iter().skip_while(|token| token.to_string() != "struct");
    let name = match words.nth(1) {
        Some(TokenTree::Ident(name)) => name.to_string(),
        _ => panic!("`Describe` is for structs"),
    };
    format!("impl {name} {{ fn describe() -> &'static str {{ \"{name}\" }} }}")
        .parse()
        .expect("it is Rust")
}
