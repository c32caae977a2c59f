//! A policy in TOML as people like to read it: a table for each kind of thing, a line for each thing, a block for each rule.

use std::fmt::Write as _;

use serde::Serialize;
use toml::{Table, Value};

/// The whole text.
pub(super) fn document(form: &impl Serialize) -> String {
    let form = Table::try_from(form).expect("all keys are texts");
    let mut text = String::new();
    for (name, tenant) in tables(form.get("tenant")) {
        part(&mut text, &format!("tenant.{}", key(name)), tenant);
    }
    text
}

/// Fields alone, a line each.
pub(super) fn fields(form: &impl Serialize) -> String {
    let form = Table::try_from(form).expect("all keys are texts");
    form.iter().map(|(field, value)| format!("{} = {}\n", key(field), lines(value))).collect()
}

/// One value in one line.
pub(super) fn line(value: &Value) -> String {
    value.to_string()
}

fn tables(value: Option<&Value>) -> impl Iterator<Item = (&String, &Table)> {
    let table = value.and_then(Value::as_table);
    table.into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_table()?)))
}

/// Plain values of a tenant, then its tables, then its rules.
fn part(text: &mut String, name: &str, tenant: &Table) {
    let is_plain = |value: &&Value| !value.is_table() && !is_blocks(value);
    block(text, &format!("[{name}]"), tenant.iter().filter(|(_, value)| is_plain(value)));
    for (field, value) in tenant {
        if let Value::Table(table) = value {
            block(text, &format!("[{name}.{}]", key(field)), table.iter());
        }
    }
    for (field, value) in tenant.iter().filter(|(_, value)| is_blocks(value)) {
        for rule in value.as_array().into_iter().flatten().filter_map(Value::as_table) {
            block(text, &format!("[[{name}.{}]]", key(field)), rule.iter());
        }
    }
}

fn is_blocks(value: &Value) -> bool {
    value.as_array().and_then(|all| all.first()).is_some_and(Value::is_table)
}

fn block<'a>(text: &mut String, head: &str, fields: impl Iterator<Item = (&'a String, &'a Value)>) {
    let gap = if text.is_empty() { "" } else { "\n" };
    push(text, format_args!("{gap}{head}\n"));
    for (field, value) in fields {
        push(text, format_args!("{} = {}\n", key(field), lines(value)));
    }
}

/// Long arrays have a line for each entry.
fn lines(value: &Value) -> String {
    let line = line(value);
    match value.as_array() {
        Some(all) if line.len() > WIDTH => {
            let entries: String = all.iter().map(|entry| format!("  {entry},\n")).collect();
            format!("[\n{entries}]")
        }
        _ => line,
    }
}

/// A key, in quotation marks where it needs them.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    // For ASCII, JSON's quotation is TOML's, and always in one line.
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

fn push(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("memory takes it");
}

/// Columns.
const WIDTH: usize = 110;
