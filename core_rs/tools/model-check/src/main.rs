//! `make model-check`: a world in every order of its events, with the number of its states. With
//! `small`, the world of the tests.

use std::process::ExitCode;

use descargo_model_check::World;
use stateright::{Checker, Model};

fn main() -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let world = match std::env::args().nth(1).as_deref() {
        Some("small") => World::small(),
        _ => World::whole(),
    };
    let properties = world.properties();
    let checker = world.checker().threads(threads).spawn_bfs().join();
    println!(
        "{} states, {} of them different, {} events deep at most",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    let mut is_sound = true;
    for property in properties {
        let found = checker.discovery(property.name);
        let holds = found.is_some() == (property.expectation == stateright::Expectation::Sometimes);
        println!("{} {}", if holds { "holds    " } else { "DOES NOT " }, property.name);
        if let (false, Some(path)) = (holds, found) {
            path.into_actions().iter().for_each(|event| println!("    {event:?}"));
        }
        is_sound &= holds;
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
