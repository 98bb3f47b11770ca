//! `#[test]` where there is no libtest.

use proc_macro::{TokenStream, TokenTree};

/// Lists the function, which takes nothing and returns nothing, in the section `tests` of the image.
#[proc_macro_attribute]
pub fn test(_: TokenStream, function: TokenStream) -> TokenStream {
    let mut tokens = function.clone().into_iter();
    let keyword = tokens.find(|token| matches!(token, TokenTree::Ident(ident) if ident.to_string() == "fn"));
    let (Some(_), Some(TokenTree::Ident(name))) = (keyword, tokens.next()) else {
        return "compile_error!(\"#[test] is for functions\");".parse().unwrap_or_default();
    };
    let entry = format!(
        "#[used] #[unsafe(link_section = \"tests\")] #[allow(unsafe_code, non_upper_case_globals)]
         static {name}: crate::run::Test =
             crate::run::Test {{ name: concat!(module_path!(), \"::\", stringify!({name})), run: {name} }};",
    );
    // In a block of its own, since the function has the name already.
    let entry = format!("const _: () = {{ {} }};", entry.replace(&format!("static {name}:"), "static LISTED:"));
    function.into_iter().chain(entry.parse::<TokenStream>().unwrap_or_default()).collect()
}
