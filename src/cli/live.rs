//! `live`: serves the broker to real clients.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Finished, Format, LiveArguments};
use crate::live::LiveError;
use crate::live::report::{Report, WallClock};
use crate::live::server::{ServeOptions, Server};
use crate::live::settings::{BrokerSettings, Limits};
use crate::scenario::Diagnostic;
use crate::scenario::error::Place;
use crate::scenario::profiles::Library;
use crate::scenario::quantity::Size;

pub(super) fn live(arguments: &LiveArguments, out: &mut impl Write) -> Result<Finished, Diagnostic> {
    let broker = settings(arguments)?;
    let options = ServeOptions {
        listen: arguments.listen,
        limits: Limits::around(&broker),
        journal: arguments.journal.clone(),
        span: arguments.span.map(|span| span.0),
        broker,
    };
    let mut server = Server::bind(&options).map_err(|error| told(&error))?;
    server.stop_on_signals().map_err(|error| told(&error))?;
    // A reader that has gone is no failure of the session.
    let _ = writeln!(out, "listening on {}", server.address());
    let _ = out.flush();
    server.serve().map_err(|error| told(&error))?;
    let wall_clock = WallClock::of(server.address().to_string(), &server.pacing());
    let report = Report::of(server.machine(), server.now(), Some(wall_clock), options.broker);
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from("results").join("live"));
    report.write(&folder).map_err(|reason| {
        Diagnostic::error(format!("cannot write results into `{}`: {reason}", folder.display()))
            .help("give a folder that can be written to with --out")
    })?;
    if !arguments.quiet {
        let _ = match arguments.format {
            Format::Json => out.write_all(report.to_json().as_bytes()),
            Format::Text => writeln!(out, "{report}results in {}", folder.display()),
        };
    }
    Ok(Finished::Held)
}

fn told(error: &LiveError) -> Diagnostic {
    Diagnostic::error(error.to_string())
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
    }
    Ok(settings)
}
