//! The residual condition of a rule: one CEL expression over the line, for what columns cannot say.
//!
//! The interpreter has no budget of its own (cel-rust issue 56), so what it runs is bounded before:
//! a short text, few nodes, no loops, a closed list of variables and functions. What is left costs
//! time linear in its nodes: well below 10 microseconds at the limit, for the few rules that have one.

use cel::common::ast::Expr;
use cel::{Context, Program};

use super::line::Line;

/// Bytes of an expression at most; the parser is recursive.
const BYTES_MAX: usize = 512;
/// Brackets and signs that may nest, so that the parser's recursion is bounded too.
const DEPTH_MAX: usize = 16;
/// Nodes of an expression at most.
const NODES_MAX: usize = 64;

/// What an expression may name.
pub(crate) const VARIABLES: [&str; 11] = [
    "tariff",
    "nico",
    "operation",
    "regime",
    "declaration_key",
    "country",
    "office",
    "value_cents",
    "quantity_e5",
    "identifiers",
    "day",
];

/// What an expression may call.
const FUNCTIONS: [&str; 15] = [
    "_&&_",
    "_||_",
    "!_",
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "@in",
    "_?_:_",
    "size",
    "startsWith",
    "endsWith",
    "contains",
];

/// A compiled condition.
pub struct Condition {
    program: Program,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Condition")
    }
}

impl Condition {
    /// Compiles an expression, and tries it on two lines.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn compile(source: &str) -> Result<Self, String> {
        if source.len() > BYTES_MAX {
            return Err(format!(
                "the condition has {} bytes, of {BYTES_MAX} at most",
                source.len()
            ));
        }
        if nesting(source) > DEPTH_MAX {
            return Err(format!("the condition nests deeper than {DEPTH_MAX}"));
        }
        let program = Program::compile(source).map_err(|errors| {
            let first = errors.errors.first().map(|error| error.msg.as_str());
            format!("the condition cannot be read: {}", first.unwrap_or("it is no expression"))
        })?;
        let mut nodes = 0;
        walk(&program.expression().expr, &mut nodes)?;
        let condition = Self { program };
        for line in Line::samples() {
            condition.holds(&line).map_err(|error| format!("the condition fails: {error}"))?;
        }
        Ok(condition)
    }

    /// Whether the line meets it.
    ///
    /// # Errors
    /// Why it could not be told; the rule is then reported, never taken for met or unmet.
    pub(crate) fn holds(&self, line: &Line<'_>) -> Result<bool, String> {
        let mut context = Context::default();
        context.add_variable_from_value("tariff", format!("{:08}", line.tariff));
        context.add_variable_from_value("nico", format!("{:02}", line.nico));
        context.add_variable_from_value("operation", line.operation_name());
        context.add_variable_from_value("regime", line.regime.to_owned());
        context.add_variable_from_value("declaration_key", line.declaration_key.to_owned());
        context.add_variable_from_value("country", line.country.to_owned());
        context.add_variable_from_value("office", line.aduana().to_owned());
        context.add_variable_from_value("day", line.on.to_string());
        if let Some(cents) = line.value_cents {
            context.add_variable_from_value("value_cents", cents);
        }
        if let Some(quantity) = line.quantity_e5 {
            context.add_variable_from_value("quantity_e5", quantity);
        }
        // A condition on what nobody could state fails, and is told so: it is not unmet.
        if line.identifiers_known {
            let identifiers: Vec<String> = line.identifiers.iter().map(|id| id.shown()).collect();
            context.add_variable_from_value("identifiers", identifiers);
        }
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err("it is neither true nor false".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// How deep brackets nest, and how many signs stand in a row.
fn nesting(source: &str) -> usize {
    let (mut depth, mut deepest, mut signs) = (0_usize, 0, 0_usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth = depth.saturating_add(1),
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        signs = match byte {
            b'!' | b'-' => signs.saturating_add(1),
            b' ' => signs,
            _ => 0,
        };
        deepest = deepest.max(depth).max(signs);
    }
    deepest
}

fn walk(expression: &Expr, nodes: &mut usize) -> Result<(), String> {
    *nodes = nodes.saturating_add(1);
    if *nodes > NODES_MAX {
        return Err(format!("the condition costs too much: more than {NODES_MAX} parts"));
    }
    match expression {
        Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if VARIABLES.contains(&name.as_str()) => Ok(()),
        Expr::Ident(name) => {
            Err(format!("the condition names `{name}`; there are {}", VARIABLES.join(", ")))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|item| walk(&item.expr, nodes)),
        Expr::Call(call) if FUNCTIONS.contains(&call.func_name.as_str()) => {
            let target = call.target.iter().map(|target| &target.expr);
            let mut parts = target.chain(call.args.iter().map(|item| &item.expr));
            parts.try_for_each(|part| walk(part, nodes))
        }
        Expr::Call(call) => Err(format!("the condition may not call `{}`", call.func_name)),
        Expr::Comprehension(_) => Err("the condition may not loop over a list".to_owned()),
        _ => Err("the condition may hold texts, numbers, lists and comparisons alone".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_too_much_or_names_what_is_not_there_is_refused() {
        for good in [
            "value_cents >= 100000 && country in ['CHN', 'IND']",
            "'ES:U' in identifiers || tariff.startsWith('8703')",
            "day >= '2026-01-01' ? regime == 'IMD' : !(office == '24')",
        ] {
            assert!(Condition::compile(good).is_ok(), "{good}");
        }
        let long = format!("country in [{}'X']", "'A', ".repeat(70));
        let bytes = format!("country == '{}'", "A".repeat(600));
        let deep = format!("{}true{}", "(".repeat(40), ")".repeat(40));
        let signs = format!("{}true", "!".repeat(40));
        for (bad, why) in [
            (long.as_str(), "costs too much"),
            (bytes.as_str(), "bytes"),
            (deep.as_str(), "nests"),
            (signs.as_str(), "nests"),
            ("identifiers.all(x, x == 'ES:U')", "loop"),
            ("importer == 'X'", "names `importer`"),
            ("matches(country, 'C.*')", "call"),
            ("country >", "cannot be read"),
            ("country > 5", "fails"),
            ("value_cents", "neither true nor false"),
            ("", "cannot be read"),
            ("{'a': 1}['a'] == 1", "condition may"),
        ] {
            let told = Condition::compile(bad).unwrap_err();
            assert!(told.contains(why), "{bad}: {told}");
        }
    }
}
