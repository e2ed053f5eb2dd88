//! A proc macro, also compared itself.

extern crate proc_macro;

use proc_macro::{TokenStream, TokenTree};

/// `Named` for a struct or an enum without generics.
#[proc_macro_derive(Named)]
pub fn named(item: TokenStream) -> TokenStream {
    let words = item.into_iter().filter_map(|tree| match tree {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    let mut after = words.skip_while(|word| word != "struct" && word != "enum");
    let name = after.nth(1).expect("a name follows");
    format!("impl dependency::Named for {name} {{ const NAME: &'static str = {name:?}; }}")
        .parse()
        .expect("it is an item")
}
