//! `#[derive(Describe)]`.

use proc_macro::{TokenStream, TokenTree};

/// Derives the constant `FIELDS`, with the names of a struct's fields.
#[proc_macro_derive(Describe)]
pub fn describe(input: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = input.into_iter().collect();
    let name = tokens
        .windows(2)
        .find(|pair| pair[0].to_string() == "struct")
        .expect("a struct")[1]
        .to_string();
    let Some(TokenTree::Group(body)) = tokens.last() else {
        panic!("a struct with fields");
    };
    let body: Vec<TokenTree> = body.stream().into_iter().collect();
    let fields: Vec<String> = body
        .windows(2)
        .filter(|pair| pair[1].to_string() == ":")
        .map(|pair| pair[0].to_string())
        .collect();
    format!("impl {name} {{ pub const FIELDS: &'static [&'static str] = &{fields:?}; }}")
        .parse()
        .expect("Rust")
}
