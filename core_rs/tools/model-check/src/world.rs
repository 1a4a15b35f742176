//! The events of a small world: requests, their steps, the commit, a crash, and time.

use descargo_ledger::state::{Stage, StateError};
use stateright::{Model, Property};

use crate::books::{Books, Standing, Wrong};
use crate::properties;
use crate::statement::{Ask, Guard, Plan};

/// What is to be explored.
#[derive(Debug, Clone)]
pub struct World {
    /// Units that each license grants.
    pub licenses: Vec<u8>,
    /// Declarations.
    pub declarations: usize,
    /// Requests: each is answered once, in every order.
    pub requests: Vec<Ask>,
    /// Hours that a hold lasts.
    pub lease: u8,
    /// Hours that pass at least, whatever is held.
    pub hours: u8,
    /// How often the process may die.
    pub crashes: u8,
    /// The rule that is left out.
    pub missing: Option<Guard>,
}

/// A state of the world.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    pub(crate) books: Books,
    open: Option<Open>,
    crashes: u8,
}

/// A transaction that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Open {
    /// The copies that are worked on.
    working: Books,
    plan: Plan,
    /// Steps that were made.
    made: usize,
    request: Option<usize>,
    /// A step did not fit, so that the answer is no.
    refused: bool,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A transaction begins for a request.
    Begin(usize, Ask),
    /// A transaction begins that lets a declaration's holds lapse.
    BeginLapse(usize),
    /// It makes its next step.
    Step,
    /// It becomes durable, and the answer leaves.
    Commit,
    /// The process dies and starts again.
    Crash,
    /// An hour passes.
    Hour,
}

impl World {
    fn is_due(&self, books: &Books, by: usize) -> bool {
        books.positions[by].due.is_some_and(|due| due <= books.hour)
    }

    fn begin(&self, mut books: Books, request: usize, ask: Ask) -> Open {
        if self.missing != Some(Guard::LapseFirst) {
            for by in 0..self.declarations {
                if self.is_due(&books, by) {
                    let lapse = Plan::lapse(by, &books);
                    for step in lapse.steps.clone() {
                        self.make(&mut books, step.planned());
                    }
                    self.settle(&mut books, &lapse);
                }
            }
        }
        let (plan, refused) = match ask {
            Ask::Suspend(on) => (Plan::default(), !books.suspend(on, true)),
            Ask::Reinstate(on) => (Plan::default(), !books.suspend(on, false)),
            _ => match Plan::of(ask, &books, self.missing) {
                Some(plan) => (plan, false),
                None => (Plan::default(), true),
            },
        };
        Open { working: books, plan, made: 0, request: Some(request), refused }
    }

    /// Makes a step; `false` when there is not enough left for it.
    fn make(
        &self,
        books: &mut Books,
        (by, on, step): (usize, usize, descargo_ledger::state::DrawStep),
    ) -> bool {
        match books.step(by, on, &step) {
            Ok(()) => true,
            Err(StateError::Overdrawn) => false,
            Err(_) => {
                books.wrong = Some(Wrong::Fault);
                false
            }
        }
    }

    fn settle(&self, books: &mut Books, plan: &Plan) {
        for (by, standing, draws) in &plan.after {
            let due = books.hour.saturating_add(self.lease);
            let holds = draws.iter().any(|draw| draw.stage == Stage::Held);
            let position = &mut books.positions[*by];
            position.standing = *standing;
            position.draws.clone_from(draws);
            position.due = (holds && *standing == Standing::Reserved).then_some(due);
        }
    }

    fn stepped(&self, state: &mut State) -> Option<()> {
        let durable = state.books.clone();
        let open = state.open.as_mut()?;
        let planned = open.plan.steps.get(open.made)?.planned();
        open.made += 1;
        if !self.make(&mut open.working, planned) {
            open.refused = true;
            open.made = open.plan.steps.len();
            if self.missing != Some(Guard::AllOrNothing) {
                let wrong = open.working.wrong;
                open.working = durable;
                open.working.wrong = wrong;
            }
        }
        Some(())
    }

    fn committed(&self, state: &mut State) -> Option<()> {
        let Open { mut working, plan, request, refused, .. } = state.open.take()?;
        if !refused {
            self.settle(&mut working, &plan);
        }
        if let Some(request) = request {
            working.answers[request] = Some(!refused);
        }
        state.books = working;
        Some(())
    }

    /// What a request does at once, from its beginning to its commit.
    pub(crate) fn asked(&self, books: &Books, request: usize, ask: Ask) -> Books {
        if books.answers[request].is_some() && self.missing != Some(Guard::AnsweredOnce) {
            return books.clone();
        }
        let open = Some(self.begin(books.clone(), request, ask));
        let mut state = State { books: books.clone(), open, crashes: 0 };
        while self.stepped(&mut state).is_some() {}
        self.committed(&mut state);
        state.books
    }

    pub(crate) fn is_over(&self, state: &State) -> bool {
        let mut events = Vec::new();
        self.actions(state, &mut events);
        events.is_empty()
    }
}

impl Model for World {
    type State = State;
    type Action = Event;

    fn init_states(&self) -> Vec<State> {
        let books = Books::new(&self.licenses, self.declarations, self.requests.len());
        let state = |books| State { books, open: None, crashes: 0 };
        books.into_iter().map(state).collect()
    }

    fn actions(&self, state: &State, events: &mut Vec<Event>) {
        let books = &state.books;
        if let Some(open) = &state.open {
            events.push(match open.made < open.plan.steps.len() {
                true => Event::Step,
                false => Event::Commit,
            });
            if state.crashes < self.crashes {
                events.push(Event::Crash);
            }
            return;
        }
        let asks = self.requests.iter().enumerate();
        let open = asks.filter(|(request, _)| books.answers[*request].is_none());
        events.extend(open.map(|(request, ask)| Event::Begin(request, *ask)));
        if self.missing != Some(Guard::HoldsLapse) {
            let due = (0..self.declarations).filter(|by| self.is_due(books, *by));
            events.extend(due.map(Event::BeginLapse));
        }
        let waits = books.positions.iter().any(|row| row.due.is_some_and(|due| due > books.hour));
        if books.hour < self.hours || waits {
            events.push(Event::Hour);
        }
    }

    fn next_state(&self, last: &State, event: Event) -> Option<State> {
        let mut state = last.clone();
        match event {
            Event::Begin(request, ask) => {
                state.open = Some(self.begin(state.books.clone(), request, ask));
            }
            Event::BeginLapse(by) => {
                let plan = Plan::lapse(by, &state.books);
                let working = state.books.clone();
                state.open = Some(Open { working, plan, made: 0, request: None, refused: false });
            }
            Event::Step => self.stepped(&mut state)?,
            Event::Commit => self.committed(&mut state)?,
            Event::Crash => {
                let open = state.open.take()?;
                state.crashes += 1;
                if self.missing == Some(Guard::CommitIsAtomic) {
                    state.books = open.working;
                }
            }
            Event::Hour => state.books.hour += 1,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

/// One unit of the first license and two of the second.
const ONE_AND_TWO: [u8; 2] = [1, 2];
/// The other way round.
const TWO_AND_ONE: [u8; 2] = [2, 1];

impl World {
    /// Two licenses of three units, two declarations of two lines that want four of one of them when
    /// each states the same, and every kind of event.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            requests: vec![
                Ask::Reserve(0, ONE_AND_TWO),
                Ask::Reserve(0, TWO_AND_ONE),
                Ask::Validate(0, TWO_AND_ONE),
                Ask::Release(0),
                Ask::Reserve(1, TWO_AND_ONE),
                Ask::Validate(1, ONE_AND_TWO),
                Ask::Release(1),
                Ask::Rectify(0, 1, ONE_AND_TWO),
                Ask::Suspend(0),
                Ask::Reinstate(0),
            ],
            ..Self::small()
        }
    }

    /// The same world with fewer requests: a matter of a second.
    #[must_use]
    pub fn small() -> Self {
        Self {
            licenses: vec![3, 3],
            declarations: 2,
            requests: vec![
                Ask::Reserve(0, ONE_AND_TWO),
                Ask::Validate(0, ONE_AND_TWO),
                Ask::Release(0),
                Ask::Reserve(1, ONE_AND_TWO),
                Ask::Validate(1, TWO_AND_ONE),
                Ask::Rectify(0, 1, TWO_AND_ONE),
                Ask::Suspend(0),
            ],
            lease: 1,
            hours: 1,
            crashes: 1,
            missing: None,
        }
    }
}
