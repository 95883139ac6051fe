use super::*;
use crate::Numeric;
use proptest::prelude::*;
use std::cmp::Ordering;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;

fn any_tree() -> impl Strategy<Value = Tree<'static>> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        (-30i64..30, 0i32..3)
            .prop_map(|(units, scale)| Tree::Number(Numeric::from_units(units as i128, scale))),
        "[a-cä\"\\\\\\n]{0,3}".prop_map(Tree::string),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Array),
            prop::collection::vec(("[ab]{0,2}".prop_map(|key| key.into()), inner), 0..4)
                .prop_map(Tree::Object),
        ]
    })
}

fn shown(document: &[u8]) -> String {
    let mut out = String::new();
    format(document, &mut out);
    out
}

fn hash_of(document: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(document, &mut hasher);
    hasher.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_document_has_one_form(tree in any_tree()) {
        let document = tree.encode().unwrap();
        validate(&document).unwrap();
        let text = shown(&document);
        check_text(&text).unwrap();
        prop_assert_eq!(&parse(&text).unwrap(), &document, "{}", text);
        let mut pretty = String::new();
        format_pretty(&document, &mut pretty);
        prop_assert_eq!(&parse(&pretty).unwrap(), &document);
        prop_assert!(contains(&document, &document));
    }

    #[test]
    fn order_is_total_and_hashes_agree(a in any_tree(), b in any_tree(), c in any_tree()) {
        let (a, b, c) = (a.encode().unwrap(), b.encode().unwrap(), c.encode().unwrap());
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        if compare(&a, &b) == Ordering::Equal {
            prop_assert_eq!(hash_of(&a), hash_of(&b));
            prop_assert_eq!(compare(&a, &c), compare(&b, &c));
        }
    }

    #[test]
    fn raw_text_has_the_same_parts(tree in any_tree(), key in "[ab]{0,2}", index in -4i64..4) {
        let document = tree.encode().unwrap();
        let text = shown(&document);
        let same = |raw: Option<&str>| raw.map(|raw| parse(raw).unwrap());
        prop_assert_eq!(same(raw::get(&text, &key)), get(&document, &key).map(<[u8]>::to_vec));
        if !Node::read(&document).is_scalar() {
            prop_assert_eq!(same(raw::get_index(&text, index)), get_index(&document, index).map(<[u8]>::to_vec));
        }
        prop_assert_eq!(raw::type_of(&text), Some(type_of(&document)));
        prop_assert_eq!(raw::as_text(&text).unwrap(), as_text(&document));
    }

    /// What comes from outside is refused or read; nothing panics on either.
    #[test]
    fn bytes_from_outside_do_no_harm(bytes in prop::collection::vec(prop_oneof![0u8..8, Just(0xff), any::<u8>()], 0..40)) {
        let mut out = String::new();
        format(&bytes, &mut out);
        let (mut hasher, _) = (DefaultHasher::new(), compare(&bytes, &[0]));
        hash(&bytes, &mut hasher);
        let _ = (get(&bytes, "a"), get_index(&bytes, 0), contains(&bytes, &bytes), strip_nulls(&bytes), concat(&bytes, &bytes));
        if validate(&bytes).is_ok() {
            prop_assert_eq!(parse(&out).unwrap(), bytes);
        }
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}:,\"\\\\u0dD8-9a-ftrue .eE+-]{0,24}") {
        let _ = (parse(&text), check_text(&text), raw::get(&text, "a"), raw::elements(&text), raw::as_text(&text));
    }
}

#[test]
fn the_deepest_document_fits_a_thread_s_stack_and_the_next_is_refused() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let deepest = parse(&nested(MAX_DEPTH as usize)).unwrap();
    validate(&deepest).unwrap();
    assert_eq!(shown(&deepest), nested(MAX_DEPTH as usize));
    assert_eq!(compare(&deepest, &deepest), Ordering::Equal);
    assert!(contains(&deepest, &deepest));
    assert_eq!(strip_nulls(&deepest).unwrap(), deepest);
    hash_of(&deepest);
    let state = |result: crate::Result<Vec<u8>>| result.unwrap_err().state.code();
    assert_eq!(state(parse(&nested(MAX_DEPTH as usize + 1))), "54001");
    assert_eq!(state(parse(&"[".repeat(1_000_000))), "54001");
    assert_eq!(check_text(&nested(MAX_DEPTH as usize + 1)).unwrap_err().state.code(), "54001");
    assert_eq!(state(Tree::Array(vec![Tree::encoded(&deepest)]).encode()), "54001");
    let objects = "{\"a\":".repeat(MAX_DEPTH as usize) + "1" + &"}".repeat(MAX_DEPTH as usize);
    assert_eq!(
        parse(&parse(&objects).map(|document| shown(&document)).unwrap()).unwrap(),
        parse(&objects).unwrap()
    );
}

#[test]
fn a_bad_text_says_what_and_where() {
    let says = |text: &str, detail: &str, context: &str| {
        let error = parse(text).unwrap_err();
        assert_eq!(error.message, "invalid input syntax for type json");
        assert_eq!((error.state.code(), error.detail.as_deref()), ("22P02", Some(detail)), "{text}");
        assert_eq!(error.context.as_deref(), Some(context), "{text}");
    };
    says("{\"a\": 1,\n \"b\": tru}", "Token \"tru\" is invalid.", "JSON data, line 2:  \"b\": tru...");
    says("[1,", "The input string ended unexpectedly.", "JSON data, line 1: [1,");
    let long = format!("{{\"a\": [{} x], \"b\": 2}}", "1,".repeat(100));
    let context = "JSON data, line 1: ...,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1, x...";
    says(&long, "Token \"x\" is invalid.", context);
    says("{\"a\": \"x\\q\"}", "Escape sequence \"\\q\" is invalid.", "JSON data, line 1: {\"a\": \"x\\q...");
    says(
        "{\"aaa\": 5 \"b\"}",
        "Expected \",\" or \"}\", but found \"\"b\"\".",
        "JSON data, line 1: {\"aaa\": 5 \"b\"...",
    );
    says("\"a\tb\"", "Character with value 0x09 must be escaped.", "JSON data, line 1: \"a...");
    says(
        "\"\\u00g0 abcdef\"",
        "\"\\u\" must be followed by four hexadecimal digits.",
        "JSON data, line 1: \"\\u00g...",
    );
    says(
        "{\"a\": \"\\ud800\"}",
        "Unicode low surrogate must follow a high surrogate.",
        "JSON data, line 1: {\"a\": \"\\ud800\"...",
    );
    says("\"abc", "Token \"\"abc\" is invalid.", "JSON data, line 1: \"abc");
}
