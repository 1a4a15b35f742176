//! What must hold in every state, and what must come about.

use descargo_ledger::state::Stage;
use stateright::Property;

use crate::books::{Books, Draw, Wrong};
use crate::world::{State, World};

pub fn all() -> Vec<Property<World>> {
    let always = Property::<World>::always;
    vec![
        always("authorized = available + reserved + exercised, none negative", |_, state| {
            state.books.licenses.iter().all(|license| {
                license.units().is_some_and(|parts| {
                    parts.iter().all(|units| *units >= 0)
                        && parts.iter().sum::<i64>() == license.authorized()
                })
            })
        }),
        always("movements are numbered without gaps", |_, state| {
            state.books.wrong != Some(Wrong::Gap)
                && state
                    .books
                    .licenses
                    .iter()
                    .all(|license| license.state.permit_seq == license.moved)
        }),
        always("what the rules allow fits", |_, state| state.books.wrong != Some(Wrong::Fault)),
        always("what a declaration holds is the sum of its movements", |_, state| {
            holdings_are_sums(&state.books)
        }),
        always("reserved and exercised are what declarations hold and took", |_, state| {
            balances_are_holdings(&state.books)
        }),
        always("no draw is exercised twice", |_, state| {
            state.books.positions.iter().all(|row| {
                row.exercised.iter().enumerate().all(|(on, times)| {
                    let is_taken =
                        |draw: &&Draw| draw.license == on && draw.stage == Stage::Exercised;
                    let taken = row.draws.iter().filter(is_taken).count();
                    taken <= 1 && usize::try_from(*times).is_ok_and(|times| times == taken)
                })
            })
        }),
        always("nothing is taken from a suspended license", |_, state| {
            state.books.wrong != Some(Wrong::WhileStopped)
        }),
        always("no hold is exercised after its time", |_, state| {
            state.books.wrong != Some(Wrong::AfterItsTime)
        }),
        always(
            "a request that was answered changes nothing when it comes again",
            replays_change_nothing,
        ),
        always("nothing is held where nothing can happen any more", |world, state| {
            is_settled(&state.books) || !world.is_over(state)
        }),
        Property::<World>::eventually(
            "every request is answered and every hold ends",
            |_, state| state.books.answers.iter().all(Option::is_some) && is_settled(&state.books),
        ),
        Property::<World>::sometimes("a hold lapses", |_, state| {
            state.books.positions.iter().any(|row| row.standing == crate::books::Standing::Lapsed)
        }),
        Property::<World>::sometimes("everything is exercised", |_, state| {
            let standing = crate::books::Standing::Exercised;
            state.books.positions.iter().all(|row| row.standing == standing)
        }),
    ]
}

fn is_settled(books: &Books) -> bool {
    let mut draws = books.positions.iter().flat_map(|row| &row.draws);
    draws.all(|draw| draw.stage == Stage::Exercised)
}

fn holdings_are_sums(books: &Books) -> bool {
    books.licenses.iter().enumerate().all(|(on, license)| {
        license.sums.iter().zip(&books.positions).all(|(sum, row)| {
            let held = row.draws.iter().filter(|draw| draw.license == on);
            held.map(|draw| i64::from(draw.units)).sum::<i64>() == *sum
        })
    })
}

fn balances_are_holdings(books: &Books) -> bool {
    books.licenses.iter().enumerate().all(|(on, license)| {
        let of = |stage| -> i64 {
            let draws = books.positions.iter().flat_map(|row| &row.draws);
            let draws = draws.filter(|draw| draw.license == on && draw.stage == stage);
            draws.map(|draw| i64::from(draw.units)).sum()
        };
        license.units().is_some_and(|[_, reserved, exercised]| {
            reserved == of(Stage::Held) && exercised == of(Stage::Exercised)
        })
    })
}

fn replays_change_nothing(world: &World, state: &State) -> bool {
    let books = &state.books;
    world.requests.iter().enumerate().all(|(request, ask)| {
        books.answers[request].is_none() || world.asked(books, request, *ask) == *books
    })
}
