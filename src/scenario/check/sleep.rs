//! Sleep, power save and inference: what the board must be able to do.

use models::profile::Board;

use super::super::error::Diagnostic;
use super::super::load::View;
use super::super::schema::{CameraRole, Host, Inference, Recognition, Role, Saving};

/// Whether the board can do what its host asks of it.
pub(in super::super) fn sleep(
    view: &View<'_>,
    name: &str,
    host: &Host,
    board: &Board,
) -> Result<(), Diagnostic> {
    let sleeps = board.sleep.is_some();
    let can_save = |watts: fn(&models::profile::Sleep) -> Option<f64>| {
        board.sleep.as_ref().is_some_and(|sleep| watts(sleep).is_some())
    };
    let refused = match host.power_save {
        Saving::Off => false,
        Saving::ModemSleep => !can_save(|sleep| sleep.modem_w),
        Saving::LightSleep => !can_save(|sleep| sleep.light_w),
    };
    if refused {
        return Err(view
            .error(
                format!("the board `{}` has no figure for this power save", board.name),
                &["hosts", name, "power_save"],
                "not of this board",
            )
            .help(
                "boards with `sleep.modem` or `sleep.light` in their profile can; or leave `power_save` out",
            ));
    }
    if let Role::Camera(role) = &host.role {
        return inference(view, name, role, board);
    }
    if let Role::SensorNode(role) = &host.role
        && let Some(camera) = &role.camera
    {
        let refused = match camera.recognition {
            Recognition::OnDevice if board.inference_cpu.is_none() => "inference on its CPU",
            Recognition::Accelerator if board.inference.is_none() => "an accelerator",
            Recognition::OnDevice | Recognition::Accelerator | Recognition::Cloud(_) => return Ok(()),
        };
        return Err(no_figure(view, &["hosts", name, "role", "camera", "recognition"], board, refused));
    }
    let Role::Publisher(role) = &host.role else { return Ok(()) };
    if role.sleep.is_none() {
        return Ok(());
    }
    if !sleeps || board.wake.is_none() {
        return Err(view
            .error(
                format!(
                    "the board `{}` cannot sleep deeply: its profile has no `sleep` and `wake`",
                    board.name
                ),
                &["hosts", name, "role", "sleep"],
                "not on this board",
            )
            .help("the boards `esp8266-nodemcu` and `esp8266-nodemcu-5v` can"));
    }
    if role.every.is_none() {
        return Err(view
            .error(
                "a publisher that sleeps needs `every`",
                &["hosts", name, "role"],
                "`every` is missing in here",
            )
            .help("write `every: \"5 min\"`, the time from one waking to the next"));
    }
    Ok(())
}

/// Whether the board has a figure for where a camera's images are looked at.
fn inference(view: &View<'_>, name: &str, role: &CameraRole, board: &Board) -> Result<(), Diagnostic> {
    let path = |key: &'static str| ["hosts", name, "role", key];
    let refused = match role.inference {
        None if role.labels.is_some() => {
            return Err(view
                .error("labels, but nothing that finds them", &path("labels"), "needs `inference`")
                .help("write `inference: OnDevice`, `Accelerator` or `Cloud(latency: \"100 ms\")`"));
        }
        Some(Inference::OnDevice) if board.inference_cpu.is_none() => "inference on its CPU",
        Some(Inference::Accelerator) if board.inference.is_none() => "an accelerator",
        None | Some(Inference::OnDevice | Inference::Accelerator | Inference::Cloud(_)) => return Ok(()),
    };
    Err(no_figure(view, &path("inference"), board, refused))
}

fn no_figure(view: &View<'_>, path: &[&str], board: &Board, refused: &str) -> Diagnostic {
    view.error(format!("the board `{}` has no figure for {refused}", board.name), path, "not on this board")
        .help("`coral-dev-board` has both figures, `raspberry-pi-3b` that of its CPU")
}
