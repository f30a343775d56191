use andon_domain::{ParameterValue, limits};

use super::check::{Parameters, condition};
use super::*;

fn canonical(text: &str) -> String {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_string()
}

fn mistake(text: &str) -> String {
    let parameters = Parameters::from([("max_temp".to_owned(), ParameterValue::Number(80.0))]);
    match parse(text) {
        Err(error) => error.to_string(),
        Ok(expr) => match condition(&expr, (&parameters).into()) {
            Err(errors) => errors[0].to_string(),
            Ok(()) => panic!("`{text}` has no mistake"),
        },
    }
}

#[test]
fn operators_bind_as_in_cel() {
    assert_eq!(canonical("a + b * c - d"), "((a + (b * c)) - d)");
    assert_eq!(canonical("a || b && !c"), "(a || (b && !c))");
    assert_eq!(canonical("a > 1 == b"), "((a > 1) == b)");
    assert_eq!(canonical("a ? b : c ? d : e"), "(a ? b : (c ? d : e))");
    assert_eq!(canonical("-a % 2 < -2.50"), "((-(a) % 2) < -2.5)");
    assert_eq!(canonical("(a || b) || c"), "((a || b) || c)");
}

#[test]
fn what_is_written_canonically_reads_as_the_same() {
    for text in [
        "machine_state == 'running' && product == \"1l\"",
        "tag('ns=2;s=Temp') > 80.0 || score('bearing') >= 5e-1",
        "avg(pressure, '60s') > 4 && absent(tag('a b'), '1h30m')",
        "abs(a - .5) < params.x ? b : 'it\\'s \\u00e9'  == c",
    ] {
        let once = canonical(text);
        assert_eq!(canonical(&once), once);
    }
    assert_eq!(canonical("t > 80"), canonical("t>80.0"));
    assert_eq!(canonical("avg(t,'1m') > 1"), canonical("avg(tag('t'), '60s') > 1.0"));
}

#[test]
fn a_mistake_is_named_with_its_place_and_a_way_out() {
    for (text, said) in [
        ("temperature = 80", "unexpected `=` (at byte 12); to compare, write `==`"),
        ("a and b", "expected an operator or the end, found `and` (at byte 2); for `and`, write `&&`"),
        ("a && ", "expected a value, found the end of the expression (at byte 5)"),
        ("(a && b", "expected `)` to close the parenthesis, found the end of the expression (at byte 7)"),
        ("a)", "expected an operator or the end, found `)` (at byte 1); there is one `)` too many"),
        ("agv(t, '1m') > 1", "unknown function `agv` (at byte 0); did you mean `avg`?"),
        ("avg(t) > 1", "`avg` takes a tag and a duration, found `)` after the tag (at byte 5); write `avg(t"),
        ("avg(t, 1m) > 1", "`1m` is no number (at byte 7); a duration is written in quotes: `'1m'`"),
        ("avg(t, '0s') > 1", "the duration `0s` is not positive"),
        ("avg(t, '8d') > 1", "the duration `8d` is too long; the limit is `7d`"),
        ("absent(t, '32d')", "the duration `32d` is too long; the limit is `31d`"),
        ("avg(t, '1 minute') > 1", "`1 minute` is not a duration"),
        ("machine.state == 'x'", "`machine` has no fields (at byte 0); a tag with a dot"),
        (
            "t > 'high' && t > params.max_tmp",
            "unknown parameter `max_tmp` (at byte 18); did you mean `params.max_temp`?",
        ),
        ("t == null", "`null` is no value"),
        ("in > 5", "`in` is a reserved word (at byte 0); if it is a tag, write `tag('in')`"),
        ("t + 1", "a condition must be true or false; this is a number (at byte 0); compare it"),
        ("'a' == 1", "a text is compared with a number, which is never true"),
        ("avg(t, '1m') == 'x'", "a number is compared with a text"),
        ("10 < t < 20", "booleans have no order; `<` wants numbers or texts (at byte 0); a range is written"),
        ("!5", "`!` wants a boolean; this is a number"),
        ("'x", "the text has no closing quote `'`"),
        ("'\\q' == t", "`\\q` is no escape"),
        ("1e999 > t", "the number is too large"),
        ("température > 5", "unexpected `é`"),
        ("", "expected a value, found the end of the expression"),
        ("tag('') == 1", "a tag is 1 to 256 bytes"),
    ] {
        let found = mistake(text);
        assert!(found.starts_with(said), "{text}\n  found: {found}\n  wanted: {said}");
    }
}

#[test]
fn every_mistake_of_type_is_reported_at_once() {
    let expr = parse("params.a > 1 && !2 && 'x' + 1 > 2").unwrap();
    assert_eq!(condition(&expr, (&Parameters::new()).into()).unwrap_err().len(), 3);
}

#[test]
fn depth_and_length_are_bounded() {
    assert!(mistake(&format!("{}t{}", "(".repeat(1000), ")".repeat(1000))).contains("nested deeper than 64"));
    assert!(mistake(&format!("{}t", "!".repeat(1000))).contains("nested deeper than 64"));
    assert!(mistake(&format!("{}1 > 2", "t+".repeat(1000))).contains("nested deeper than 64"));
    assert!(mistake(&"t".repeat(limits::EXPRESSION_BYTES + 1)).contains("the limit is 4096"));
    assert!(parse(&vec!["t"; 800].join(" && ")).is_ok(), "a long chain is not deep");
}
