//! Deciding a batch in memory: each command in order, on what those before it left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::command::{Command, Decision, Effect, Nanos, Record};
use crate::quarantine::{Held, Resigned};
use crate::state::{Balance, LicenseState};
use crate::streams::{OutOfTurn, Position, Step};
use crate::working::{Earlier, WorkingSet};

/// Drafts from this number on are sealed on two threads; below it starting one costs more.
const SEAL_ON_TWO_THREADS_FROM: usize = 8;

/// What became of a command.
pub(crate) enum Decided<C: Command> {
    /// The request was answered before, by this verdict.
    Known(i64),
    /// Another request was answered before, by this verdict, which answers this one too.
    SameAs(i64),
    /// A new verdict.
    Recorded { verdict_no: i64, record: Box<Record<C::Terms, C::Draft>> },
    /// No verdict.
    Refused(C::Refusal),
    /// A stream is open.
    Opened(Position),
}

pub(crate) fn in_order<C: Command>(
    set: &mut WorkingSet<C::Terms>,
    batch: &[&C],
    decided_at: Nanos,
) -> Vec<Decided<C>> {
    batch.iter().map(|command| in_turn(set, *command, decided_at)).collect()
}

/// Decides a command if its stream lets it; most commands have none.
fn in_turn<C: Command>(
    set: &mut WorkingSet<C::Terms>,
    command: &C,
    decided_at: Nanos,
) -> Decided<C> {
    let Some(place) = command.place() else { return one(set, command, decided_at) };
    match place.step {
        Step::Open => match set.turns.open(&place.key) {
            Some(position) => Decided::Opened(position),
            None => Decided::Refused(command.out_of_turn(OutOfTurn::Gap)),
        },
        Step::Item { epoch, sequence } => match set.turns.check(&place.key, epoch, sequence) {
            Ok(()) => {
                let decided = one(set, command, decided_at);
                set.turns.advance(&place.key, sequence);
                decided
            }
            Err(why) => Decided::Refused(command.out_of_turn(why)),
        },
    }
}

fn one<C: Command>(set: &mut WorkingSet<C::Terms>, command: &C, decided_at: Nanos) -> Decided<C> {
    let keys = command.keys();
    match set.earlier(keys) {
        Some(Earlier::Same(verdict_no)) => return Decided::Known(verdict_no),
        Some(Earlier::Other) => return Decided::Refused(command.reused()),
        None => {}
    }
    let decision = command.decide(&set.view(decided_at));
    let verdict_no = set.absorb(keys, decided_at, &decision);
    match (decision, verdict_no) {
        (Decision::Refuse(refusal), _) => Decided::Refused(refusal),
        (Decision::SameAs(earlier), _) => Decided::SameAs(earlier),
        (Decision::Record(record), number) => {
            Decided::Recorded { verdict_no: number.unwrap_or_default(), record }
        }
    }
}

/// The answers of new verdicts, in the batch's order.
pub(crate) fn seal<C: Command>(
    batch: &[&C],
    decided: &[Decided<C>],
) -> Result<Vec<Option<Arc<[u8]>>>, String> {
    let drafts = decided.iter().filter(|d| matches!(d, Decided::Recorded { .. })).count();
    if drafts < SEAL_ON_TWO_THREADS_FROM {
        return seal_each(batch, decided);
    }
    let half = batch.len() / 2;
    let (first, second) = batch.split_at_checked(half).unwrap_or((batch, &[]));
    let (first_decided, second_decided) = decided.split_at_checked(half).unwrap_or((decided, &[]));
    let (one, other) = std::thread::scope(|scope| {
        let other = scope.spawn(|| seal_each(second, second_decided));
        let one = seal_each(first, first_decided);
        (one, other.join())
    });
    let mut answers = one?;
    answers.extend(other.map_err(|_| "sealing thread panicked".to_owned())??);
    Ok(answers)
}

fn seal_each<C: Command>(
    batch: &[&C],
    decided: &[Decided<C>],
) -> Result<Vec<Option<Arc<[u8]>>>, String> {
    batch
        .iter()
        .zip(decided)
        .map(|(command, decided)| match decided {
            Decided::Recorded { record, .. } => {
                command.seal(&record.draft).map(|answer| Some(Arc::from(answer)))
            }
            _ => Ok(None),
        })
        .collect()
}

/// Callers that got a new refusal, once for each.
pub(crate) fn refusing_callers<'a, C: Command>(
    batch: &[&'a C],
    decided: &[Decided<C>],
) -> Vec<&'a str> {
    batch
        .iter()
        .zip(decided)
        .filter(
            |(_, decided)| matches!(decided, Decided::Recorded { record, .. } if record.refused),
        )
        .filter_map(|(command, _)| Some(command.keys().request.as_ref()?.0.caller.as_str()))
        .collect()
}

/// The last standing of each license that a draw or a change moved, with the balances that moved.
pub(crate) fn last_standings<C: Command>(
    decided: &[Decided<C>],
) -> Vec<(&LicenseState, Vec<&Balance>)> {
    let mut states: BTreeMap<i64, (Option<&LicenseState>, BTreeSet<u32>)> = BTreeMap::new();
    for decided in decided {
        let Decided::Recorded { record, .. } = decided else { continue };
        match &record.effect {
            Effect::Nothing | Effect::Issue(_) | Effect::Appoint(_) | Effect::EndQuarantine(_) => {}
            Effect::Hold(Held { state, movement, .. })
            | Effect::Resign(Resigned { state, movement, .. }) => {
                let entry = states.entry(state.license_id).or_default();
                entry.0 = Some(state);
                entry.1.insert(movement.balance_after.license_line_no);
            }
            Effect::Position(positioned) => {
                for (license_id, movement) in &positioned.movements {
                    let entry = states.entry(*license_id).or_default();
                    entry.1.insert(movement.balance_after.license_line_no);
                }
                for state in &positioned.licenses {
                    states.entry(state.license_id).or_default().0 = Some(state);
                }
            }
            Effect::Change(changed) => {
                let entry = states.entry(changed.state.license_id).or_default();
                entry.0 = Some(&changed.state);
                let moved = changed.movements.iter();
                entry.1.extend(moved.map(|movement| movement.balance_after.license_line_no));
            }
        }
    }
    states
        .into_values()
        .filter_map(|(state, lines)| Some((state?, lines)))
        .map(|(state, lines)| (state, lines.iter().filter_map(|no| state.balance(*no)).collect()))
        .collect()
}
