//! Sleep, batteries and the end of memory: figures of profiles to what the models compute with.

use std::sync::Arc;
use std::time::Duration;

use models::app::{Inference, SleepPlan, Step};
use models::cause::Cause;
use models::host::battery::Battery;
use models::host::energy::{Component, Doze, State};
use models::host::{Board, MemoryEnd};
use models::profile::{self, OutOfMemory, Software, Wake};

use super::super::load::Group;
use super::super::schema::{self, PublisherRole, Saving};
use super::microwatt;

pub(super) fn memory_end(profile: Option<OutOfMemory>) -> MemoryEnd {
    match profile {
        None => MemoryEnd::Nothing,
        Some(OutOfMemory::Refuse) => MemoryEnd::Refuse,
        Some(OutOfMemory::Drop) => MemoryEnd::Drop,
        Some(OutOfMemory::Exit) => MemoryEnd::Exit,
        Some(OutOfMemory::Reboot) => MemoryEnd::Reboot,
    }
}

/// The board with its states, its watchdog and what feeds it.
pub(super) fn fed(mut board: Board, group: &Group) -> Board {
    let profile = &group.board;
    let asleep = &mut board.power.asleep_uw;
    if let Some(sleep) = &profile.sleep {
        asleep[State::DeepSleep as usize] = microwatt(sleep.deep_w);
        asleep[State::LightSleep as usize] = sleep.light_w.map_or(0, microwatt);
        asleep[State::ModemSleep as usize] = sleep.modem_w.map_or(0, microwatt);
        let state = match group.power_save {
            Saving::Off => None,
            Saving::ModemSleep => Some(State::ModemSleep),
            Saving::LightSleep => Some(State::LightSleep),
        };
        board.doze = state.map(|state| Doze { state, lingers_ns: sleep.lingers.as_nanos() as u64 });
    }
    if let Some(wake) = &profile.wake {
        let asleep = &mut board.power.asleep_uw;
        asleep[State::Booting as usize] = microwatt(wake.boot_w);
        asleep[State::Calibrating as usize] = microwatt(wake.calibrate_w);
        asleep[State::RadioOn as usize] = microwatt(wake.radio_w);
        board.restart_ns = steps(wake, true, true, true).iter().map(|step| step.span.as_nanos() as u64).sum();
    }
    board.watchdog_ns = profile.watchdog.map(|span| span.as_nanos() as u64);
    board.battery = group.battery.as_deref().map(|battery| Arc::new(battery_of(battery)));
    board
}

fn battery_of(battery: &profile::Battery) -> Battery {
    Battery {
        capacity_ah: battery.capacity_ah,
        rated_a: battery.rated_a,
        peukert: battery.peukert,
        curve_v: battery.curve_v,
        resistance_ohm: battery.resistance_ohm,
        self_discharge: battery.self_discharge,
        efficiency: battery.efficiency,
        cutoff_v: battery.cutoff_v,
    }
}

/// The cycle of a publisher that sleeps; the scenario was checked to give what it needs.
pub(super) fn sleep_plan(role: &PublisherRole, board: &profile::Board) -> Option<SleepPlan> {
    let (sleep, wake) = (role.sleep.as_ref()?, board.wake.as_ref()?);
    Some(SleepPlan {
        every: role.every.map_or(Duration::MAX, |span| span.0),
        steps: steps(wake, sleep.save_credentials, sleep.scan, sleep.dhcp),
        lingers: wake.lingers,
        shut_down: wake.shut_down,
        give_up: sleep.give_up.0,
    })
}

/// Where a camera's pictures are looked at; the board was checked to have the figure. On the CPU that is a
/// thread of its own, unless there is no core for it or the interpreter lets only one thread run.
pub(super) fn inference(place: schema::Inference, board: &profile::Board, software: &Software) -> Inference {
    let figure = "a figure of a checked scenario";
    match place {
        schema::Inference::OnDevice => {
            let span = board.inference_cpu.expect(figure);
            if board.cores == 1 || software.interpreter_lock {
                Inference::InThread(span.as_nanos() as u64)
            } else {
                Inference::Beside(Component::Cpu, span)
            }
        }
        schema::Inference::Accelerator => {
            Inference::Beside(Component::Accelerator, board.inference.expect(figure).0)
        }
        schema::Inference::Cloud(cloud) => Inference::Service(cloud.latency.0),
    }
}

/// From reset to a working network.
fn steps(wake: &Wake, save: bool, scan: bool, dhcp: bool) -> Vec<Step> {
    let step = |state, cause, span| Step { state, cause, span };
    let optional = |wanted: bool, cause, span| wanted.then_some(step(State::RadioOn, cause, span));
    let mut steps = vec![
        step(State::Booting, Cause::Boot, wake.boot),
        step(State::Calibrating, Cause::Calibrate, wake.calibrate),
    ];
    steps.extend(optional(save, Cause::SaveCredentials, wake.save));
    steps.extend(optional(scan, Cause::Scan, wake.scan));
    steps.push(step(State::RadioOn, Cause::Associate, wake.associate));
    steps.push(step(State::RadioOn, Cause::Keys, wake.keys));
    steps.extend(optional(dhcp, Cause::Dhcp, wake.dhcp));
    steps
}
