//! `zonectl matrix`: zone × zone, what is open and through which entries.

use super::{Context, Exit, Failure, Table, load};
use crate::diag::Message;
use crate::policy::Status;
use crate::verify::{self, Cell, CellEntry, Matrix};

/// Prints the table, and below it the entries by pair.
pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let candidate = load::config(context)?;
    let policy = load::policy(context, &candidate)?;
    let matrix = verify::matrix(policy, candidate.at);
    if context.json() {
        return context.print_json(&matrix.to_json(), Exit::Done);
    }
    context.print(&format!("{}\n{}", overview(context, &matrix), pairs(context, &matrix)))?;
    Ok(Exit::Done)
}

/// A cell shows how many entries are in force, or that it is open as a whole.
fn overview(context: &Context, matrix: &Matrix) -> String {
    let corner = context.word("cli-matrix-corner");
    let mut table = Table::new(std::iter::once(corner).chain(matrix.sides.iter().cloned()));
    for (from, name) in matrix.sides.iter().enumerate() {
        let cells = (0..matrix.sides.len()).map(|to| match matrix.cell(from, to) {
            Some(cell) if cell.is_open() => mark(cell),
            _ => "-".to_owned(),
        });
        table.row(std::iter::once(name.clone()).chain(cells));
    }
    table.render() + &context.word("cli-matrix-legend") + "\n"
}

fn mark(cell: &Cell) -> String {
    let entries = cell.entries.iter().filter(|e| e.status == Status::Active).count();
    let whole = cell.reasons.first().map(|reason| match *reason {
        "intra-zone" => "=",
        "output" => "*",
        _ => "m",
    });
    match (whole, entries) {
        (Some(whole), 0) => whole.to_owned(),
        (Some(whole), n) => format!("{n}{whole}"),
        (None, n) => n.to_string(),
    }
}

fn pairs(context: &Context, matrix: &Matrix) -> String {
    let heading = |name: &str| context.lang.words(&format!("cli-matrix-{name}")).unwrap_or_else(|| name.to_owned());
    let mut table = Table::new(["zones", "entry", "services", "status", "title"].map(heading));
    for (from, name) in matrix.sides.iter().enumerate() {
        for (to, other) in matrix.sides.iter().enumerate() {
            for entry in matrix.cell(from, to).into_iter().flat_map(|cell| &cell.entries) {
                table.row([
                    format!("{name} -> {other}"),
                    entry.id.clone(),
                    entry.services.join(","),
                    status(context, entry),
                    entry.title.clone().unwrap_or_default(),
                ]);
            }
        }
    }
    if table.is_empty() { format!("{}\n", context.word("cli-matrix-empty")) } else { table.render() }
}

fn status(context: &Context, entry: &CellEntry) -> String {
    let key = match entry.status {
        Status::Active => "cli-status-active",
        Status::OutsideWindow => "cli-status-outside",
        Status::Expired => "cli-status-expired",
    };
    context.words(&Message::new(key))
}
