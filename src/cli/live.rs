//! `live`: serves the broker, or a scenario with it, to real clients.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use sim_core::time::SimTime;

use super::run::{manifest, summarise};
use super::{Finished, Format, LiveArguments, Options, colourful};
use crate::live::journal::Header;
use crate::live::machine::Machine;
use crate::live::report::{Report, VisitReport, WallClock};
use crate::live::served::Served;
use crate::live::server::{ServeOptions, Server};
use crate::live::settings::{BrokerSettings, Limits};
use crate::live::twin::Twin;
use crate::live::{LiveError, replay};
use crate::results::{RunFiles, TextStyle};
use crate::scenario::error::Place;
use crate::scenario::profiles::Library;
use crate::scenario::quantity::Size;
use crate::scenario::{Diagnostic, Overrides};
use crate::study::expected::load_to_run;

pub(super) fn live(arguments: &LiveArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let broker = settings(arguments)?;
    let options = ServeOptions {
        listen: arguments.listen,
        limits: limits(arguments, &broker),
        journal: arguments.journal.clone(),
        span: arguments.span.map(|span| span.0),
    };
    if let Some(file) = &arguments.scenario {
        return scenario(file, arguments, &options, out);
    }
    let server = serve(Machine::new(&broker), &Header::of(&broker), &options, out)?;
    let wall_clock = WallClock::of(server.address().to_string(), &server.pacing());
    let report = Report::of(server.served(), server.now(), Some(wall_clock), broker);
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from("results").join("live"));
    report.write(&folder).map_err(|reason| unwritable(&folder, &reason))?;
    if !arguments.quiet {
        // A reader that has gone is no failure of the session.
        let _ = match arguments.format {
            Format::Json => out.write_all(report.to_json().as_bytes()),
            Format::Text => writeln!(out, "{report}results in {}", folder.display()),
        };
    }
    Ok(Finished::Held)
}

// Serves until the session ends.
fn serve<S: Served>(
    served: S,
    header: &Header,
    options: &ServeOptions,
    out: &mut impl Write,
) -> Result<Server<S>, Diagnostic> {
    let mut server = Server::bind(options, served, header).map_err(|error| told(&error))?;
    server.stop_on_signals().map_err(|error| told(&error))?;
    // A reader that has gone is no failure of the session.
    let _ = writeln!(out, "listening on {}", server.address());
    let _ = out.flush();
    server.serve().map_err(|error| told(&error))?;
    Ok(server)
}

fn scenario(
    file: &Path,
    arguments: &LiveArguments,
    options: &ServeOptions,
    out: &mut impl Write,
) -> Result<Finished, Diagnostic> {
    let overrides = Overrides {
        sets: arguments.sets.clone(),
        seed: arguments.seed,
        until: None,
        profiles: arguments.profiles.clone(),
    };
    let loaded = load_to_run(file, &overrides)?;
    let header = replay::header(&loaded, 0, &overrides);
    let server = serve(Twin::start(&loaded, 0)?, &header, options, out)?;
    let outcome = server.served().outcome();
    let wall = server.now().saturating_since(SimTime::ZERO);
    let summary = summarise(&loaded, &Options::default(), &outcome, wall);
    let manifest = manifest(&loaded, &arguments.sets, &summary);
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from("results").join("live"));
    RunFiles {
        summary: &summary,
        manifest: &manifest,
        outcome: &outcome,
        csv: false,
        capture: None,
        chart: None,
        picture: None,
        scenario: None,
        files: None,
        checkpoints: &[],
        durable: true,
    }
    .write(&folder)
    .map_err(|error| Diagnostic::error(error.to_string()))?;
    let wall_clock = WallClock::of(server.address().to_string(), &server.pacing());
    let visits = VisitReport::of(server.served(), server.now(), Some(wall_clock));
    visits.write(&folder).map_err(|reason| unwritable(&folder, &reason))?;
    if !arguments.quiet {
        let _ = match arguments.format {
            Format::Json => out.write_all(summary.to_json().as_bytes()),
            Format::Text => {
                let style = TextStyle { colour: colourful(io::stdout().is_terminal()) };
                writeln!(out, "{}\n{visits}results in {}", summary.to_text(style), folder.display())
            }
        };
    }
    Ok(Finished::Held)
}

fn limits(arguments: &LiveArguments, broker: &BrokerSettings) -> Limits {
    let default = Limits::around(broker);
    let asked = arguments.max_unread.map(|Size(bytes)| usize::try_from(bytes).unwrap_or(usize::MAX));
    Limits { unread_bytes: asked.unwrap_or(default.unread_bytes), ..default }
}

fn told(error: &LiveError) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.to_string());
    match error {
        LiveError::Listen { .. } => diagnostic.help("give a free address of this machine with --listen"),
        LiveError::Poll(_) => diagnostic,
        LiveError::Journal { .. } => diagnostic.help("give a file that can be written to with --journal"),
    }
}

fn unwritable(folder: &Path, reason: &io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot write results into `{}`: {reason}", folder.display()))
        .help("give a folder that can be written to with --out")
}

fn settings(arguments: &LiveArguments) -> Result<BrokerSettings, Diagnostic> {
    let mut settings = match arguments.broker.as_deref() {
        None | Some("standard") => BrokerSettings::default(),
        Some(name) => {
            let mut library = Library::find(Path::new("."), arguments.profiles.as_deref())?;
            let label = "named here".to_owned();
            let place = Place { file: "--broker".to_owned(), text: name.into(), span: 0..name.len(), label };
            BrokerSettings::of(&*library.broker_profile(name, place)?)
        }
    };
    settings.max_connections = arguments.max_connections.unwrap_or(settings.max_connections);
    if let Some(Size(bytes)) = arguments.max_packet {
        // A packet cannot be larger than MQTT's limit, so neither need the setting.
        settings.max_packet_bytes = bytes.min(1 << 28) as u32;
        settings.announce_max_packet = true;
    }
    if let Some(codes) = arguments.fault_codes {
        settings.fault_codes = codes.into();
    }
    settings.max_keep_alive_s = arguments.max_keep_alive.unwrap_or(settings.max_keep_alive_s);
    settings.refused_filters.extend(arguments.refuse_filter.iter().map(|filter| filter.as_str().to_owned()));
    Ok(settings)
}
