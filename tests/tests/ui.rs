//! What the macros say to a user's mistakes, and what they take.

#[test]
fn compile_fail_messages_say_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/fail/*.rs");
    cases.pass("ui/pass/*.rs");
}
