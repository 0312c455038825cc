//! The page without a mouse, and the tree with one.

use serde_json::json;

use crate::Watched;

/// What has the focus.
const FOCUSED: &str = "document.activeElement";

#[test]
fn the_tree_unfolds_and_folds() {
    let Some(watched) = Watched::start("the dashboard's tree in a real browser") else { return };
    let browser = &watched.browser;
    let rows = || browser.eval("document.querySelectorAll('#tree .row').length").as_u64().unwrap();
    browser.until("document.querySelector('#tree .row[aria-expanded=false]')");
    let folded = rows();
    browser.eval("[...document.querySelectorAll('#tree .row')].find((r) => r.textContent.includes('Ledger ×')).click()");
    assert_eq!(rows(), folded + 16, "by a click");
    // The click left the focus there; the arrows go from it.
    browser.press("ArrowDown");
    assert!(browser.eval(&format!("{FOCUSED}.textContent")).as_str().unwrap().contains("Ledger/0"));
    browser.press("ArrowLeft");
    browser.press("ArrowLeft");
    assert_eq!(rows(), folded, "to its parent, and folded");
    browser.press("ArrowRight");
    assert_eq!(rows(), folded + 16, "and unfolded");
    assert_eq!(browser.eval(&format!("{FOCUSED}.getAttribute('aria-expanded')")), json!("true"));
    browser.press("Home");
    assert_eq!(browser.eval(&format!("{FOCUSED}.getAttribute('aria-level')")), json!("1"));
    browser.press("Enter");
    assert_eq!(rows(), 1, "the root, folded");
    // It stays as it is when new numbers come.
    let up = browser.text("#uptime");
    browser.until(&format!("document.querySelector('#uptime').innerText !== {}", json!(up)));
    assert_eq!(rows(), 1);
    assert_eq!(
        browser.eval(&format!("{FOCUSED}.getAttribute('role')")),
        json!("treeitem"),
        "the focus stays"
    );
    watched.end();
}

#[test]
fn everything_can_be_reached_and_used_by_keys() {
    let Some(watched) = Watched::start("the dashboard by keyboard in a real browser") else { return };
    let browser = &watched.browser;
    browser.press("Tab");
    assert_eq!(browser.eval(&format!("{FOCUSED}.className")), json!("skip"), "the first goes to the numbers");
    // From there Tab comes by a control of each kind.
    let mut seen = Vec::new();
    for _ in 0..60 {
        browser.press("Tab");
        let told = browser.eval(&format!(
            "(() => {{ const e = {FOCUSED}; return [e.closest('section')?.id, e.id, e.getAttribute('role'), e.tagName].join() }})()"
        ));
        seen.push(told.as_str().unwrap().to_owned());
    }
    for wanted in [
        ",live,,BUTTON",
        ",theme,,BUTTON",
        "handlers,,,BUTTON",
        "handlers,,img,CANVAS",
        "actors,,radio,BUTTON",
        "tree,,treeitem,DIV",
        "shards,,listitem,DIV",
    ] {
        assert!(seen.iter().any(|focused| focused == wanted), "Tab never comes to {wanted}: {seen:#?}");
    }

    // A choice, by arrows.
    browser.eval("document.querySelector('#actors [data-value=mailbox]').focus()");
    browser.press("ArrowRight");
    assert_eq!(
        browser.eval(&format!("[{FOCUSED}.dataset.value, {FOCUSED}.ariaChecked].join()")),
        json!("rate,true")
    );
    // A handler, by its button: the heat map is then its.
    browser.eval("document.querySelectorAll('#handlers .pick')[2].focus()");
    browser.press("Enter");
    let chosen = browser.eval(&format!("{FOCUSED}.title"));
    assert_eq!(json!(browser.text("#handlers .heat h3")), chosen);
    // The heat map tells in words what it shows.
    browser.eval("document.querySelector('canvas').focus()");
    browser.press("End");
    browser.press("ArrowLeft");
    browser.until("document.querySelector('#handlers .read').innerText.includes('messages')");
    // The grid of shards, and what it tells of one.
    browser.eval("document.querySelector('#shards .cell').focus()");
    browser.press("ArrowRight");
    assert_eq!(browser.eval(&format!("{FOCUSED}.firstChild.textContent")), json!("1"));
    assert!(browser.text("#tip").contains("Ledger#1"), "{}", browser.text("#tip"));

    // And the letters.
    browser.press("t");
    assert_eq!(browser.eval("document.querySelector('#theme').innerText"), json!("Light"));
    browser.press("p");
    browser.until("document.querySelector('#live').ariaPressed === 'false'");
    let up = browser.text("#uptime");
    browser.pass(std::time::Duration::from_millis(2_500));
    assert_eq!(browser.text("#uptime"), up, "paused");
    browser.press("p");
    browser.until(&format!("document.querySelector('#uptime').innerText !== {}", json!(up)));
    browser.eval("scrollTo(0, 0)");
    browser.until("document.querySelector('.jump a[href=\"#overview\"]').hasAttribute('aria-current')");
    browser.press("j");
    browser.until(&format!("{FOCUSED}.id === 'findings'"));
    watched.end();
}
