extern crate native;
extern crate proc_macro;
use proc_macro::TokenStream;

#[proc_macro]
pub fn answer(_: TokenStream) -> TokenStream {
    native::sixfold(7).to_string().parse().unwrap()
}
