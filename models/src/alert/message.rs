//! The texts of control and sensor messages.
//!
//! A control message is a command with up to three parameters, a sensor message a data type, a range
//! and a value. As built they are bare text with commas, and unused parameters are the words
//! `parameter2` and `parameter3`; the paper puts brackets around them.

use super::severity::SeverityMode;

/// How messages are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Form {
    /// Commas only: as built.
    Plain,
    /// In brackets: the paper.
    Bracketed,
}

impl Form {
    fn write(self, inner: String) -> String {
        match self {
            Form::Plain => inner,
            Form::Bracketed => format!("[{inner}]"),
        }
    }
}

/// A command on the control topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// A node sends its configuration, the XML text.
    PublishConfiguration(String),
    /// The server lets a node in, with the severity mode it was last known to have.
    Activate(SeverityMode),
    /// The server does not let a node in.
    Block,
    /// A node says which severity mode it has entered.
    PublishSeverity(SeverityMode),
    /// The server gives a node a new configuration (the paper's plan; the code has no such command).
    UpdateConfiguration {
        /// The XML text, or the message that contains it.
        message: String,
        /// Seconds from sample to sample in Normal, Warning and Danger, as three numbers; the schema has no
        /// place for them. `None`: as they were.
        sampling: Option<String>,
    },
    /// The server tells a node with a camera which kinds of objects alarm it, up to three (the paper; the
    /// code has no such command).
    SetTriggers(Vec<String>),
    /// A node says what has become of an order (ours: neither paper nor code has an answer).
    Report {
        /// The order.
        about: Order,
        /// Why it was refused; `None`: it was carried out.
        refused: Option<String>,
    },
}

/// What a server may order a node to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// To take another configuration.
    Configuration,
    /// To be alarmed by other objects.
    Triggers,
}

impl Order {
    const fn word(self) -> &'static str {
        match self {
            Order::Configuration => "configuration",
            Order::Triggers => "triggers",
        }
    }
}

/// Most parameters of a command (the paper, section II).
pub const PARAMETERS: usize = 3;

const PUBLISH_CONFIGURATION: &str = "PUB_CONFIG_FILE";
const SET_FUNCTIONAL_MODE: &str = "SET_CN_FUNCTIONAL_MODE";
const PUBLISH_SEVERITY: &str = "PUB_CN_SEVERITY_MODE";
const UPDATE_CONFIGURATION: &str = "UPDATE_CONFIG_FILE";
const SET_TRIGGERS: &str = "SET_CN_TRIGGERS";
const REPORT: &str = "PUB_CN_REPORT";
const UNUSED: &str = "parameter2, parameter3";
const NAMES: [&str; PARAMETERS] = ["parameter1", "parameter2", "parameter3"];

impl Command {
    /// The text of the message.
    #[must_use]
    pub fn text(&self, form: Form) -> String {
        form.write(match self {
            Command::PublishConfiguration(xml) => format!("{PUBLISH_CONFIGURATION}, {xml},{UNUSED}"),
            Command::Activate(mode) => format!("{SET_FUNCTIONAL_MODE}, active,{}, {UNUSED}", mode.word()),
            Command::Block => format!("{SET_FUNCTIONAL_MODE}, blocked, {UNUSED}"),
            Command::PublishSeverity(mode) => format!("{PUBLISH_SEVERITY}, {}, {UNUSED}", mode.word()),
            Command::UpdateConfiguration { message, sampling } => {
                let sampling = sampling.as_deref().unwrap_or(NAMES[1]);
                format!("{UPDATE_CONFIGURATION}, {message},{sampling}, {}", NAMES[2])
            }
            Command::SetTriggers(kinds) => {
                let kind = |place: usize| kinds.get(place).map_or(NAMES[place], String::as_str);
                format!("{SET_TRIGGERS}, {}, {}, {}", kind(0), kind(1), kind(2))
            }
            Command::Report { about, refused: None } => {
                format!("{REPORT}, {}, accepted, {}", about.word(), NAMES[2])
            }
            Command::Report { about, refused: Some(why) } => {
                format!("{REPORT}, {}, refused, {why}", about.word())
            }
        })
    }

    /// The command of a message, found as the authors' code finds it: by the words it contains. `None`
    /// for a text without a known command, which both sides ignore.
    #[must_use]
    pub fn within(text: &str) -> Option<Command> {
        let inner = text.strip_prefix('[').map_or(text, |inner| inner.strip_suffix(']').unwrap_or(inner));
        // What is not the authors' is told by its beginning, so that no text of a configuration is taken for it.
        if let Some(rest) = inner.strip_prefix(REPORT) {
            return report(rest);
        }
        if let Some(rest) = inner.strip_prefix(UPDATE_CONFIGURATION) {
            let behind = rest.rsplit('>').next().unwrap_or_default();
            let sampling = behind.split(',').nth(1).map(str::trim);
            let sampling = sampling.filter(|text| *text != NAMES[1]).map(str::to_owned);
            return Some(Command::UpdateConfiguration { message: rest.to_owned(), sampling });
        }
        if let Some(rest) = inner.strip_prefix(SET_TRIGGERS) {
            let kinds = rest.split(',').skip(1).take(PARAMETERS).map(str::trim);
            let used = kinds.enumerate().filter(|(place, kind)| *kind != NAMES[*place] && !kind.is_empty());
            return Some(Command::SetTriggers(used.map(|(_, kind)| kind.to_owned()).collect()));
        }
        // A configuration may contain any word; so it comes first.
        if text.contains(PUBLISH_CONFIGURATION) {
            return Some(Command::PublishConfiguration(text.to_owned()));
        }
        if text.contains(SET_FUNCTIONAL_MODE) {
            let blocked = text.contains("blocked") && !text.contains("active");
            return Some(if blocked {
                Command::Block
            } else {
                Command::Activate(SeverityMode::within(text))
            });
        }
        text.contains(PUBLISH_SEVERITY).then(|| Command::PublishSeverity(SeverityMode::within(text)))
    }
}

fn report(rest: &str) -> Option<Command> {
    let mut parameters = rest.splitn(1 + PARAMETERS, ',').skip(1).map(str::trim);
    let word = parameters.next()?;
    let about = [Order::Configuration, Order::Triggers].into_iter().find(|about| about.word() == word)?;
    let refused = match parameters.next()? {
        "accepted" => None,
        "refused" => Some(parameters.next().unwrap_or_default().to_owned()),
        _ => return None,
    };
    Some(Command::Report { about, refused })
}

/// What is measured with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Sensor {
    /// Temperature in °C.
    Temperature = 1,
    /// Relative humidity in percent.
    Humidity = 2,
    /// The flame sensor's analogue value.
    Flame = 3,
    /// Alarming objects on an image.
    Objects = 4,
}

impl Sensor {
    /// All of them, in the order of their codes.
    pub const ALL: [Sensor; 4] = [Sensor::Temperature, Sensor::Humidity, Sensor::Flame, Sensor::Objects];

    /// Last level of the topic. The one of the flame sensor is not a name that the schema allows.
    #[must_use]
    pub const fn data_name(self) -> &'static str {
        match self {
            Sensor::Temperature => "indoorTemperatureSensor",
            Sensor::Humidity => "indoorHumiditySensor",
            Sensor::Flame => "indoorFlameSensor",
            Sensor::Objects => "imageCameraSensor",
        }
    }

    /// The sensor whose topics end so.
    #[must_use]
    pub fn named(data_name: &str) -> Option<Sensor> {
        Sensor::ALL.into_iter().find(|sensor| sensor.data_name() == data_name)
    }

    /// The sensor with this code.
    #[must_use]
    pub fn coded(code: u8) -> Option<Sensor> {
        Sensor::ALL.into_iter().find(|sensor| *sensor as u8 == code)
    }
}

/// What a sensor measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reading {
    /// Temperature in whole °C.
    TemperatureC(i32),
    /// Relative humidity in whole percent.
    HumidityPercent(i32),
    /// The flame sensor's analogue value, 0 (fire) to 1,024 (none).
    Flame(u16),
    /// Number of alarming objects on an image.
    Objects(u32),
}

impl Reading {
    /// A reading of a sensor; counts and analogue values that cannot be are the nearest that can.
    #[must_use]
    pub fn new(sensor: Sensor, value: i32) -> Self {
        match sensor {
            Sensor::Temperature => Reading::TemperatureC(value),
            Sensor::Humidity => Reading::HumidityPercent(value),
            Sensor::Flame => Reading::Flame(value.clamp(0, 1_024) as u16),
            Sensor::Objects => Reading::Objects(value.max(0) as u32),
        }
    }

    /// What was measured with.
    #[must_use]
    pub const fn sensor(self) -> Sensor {
        match self {
            Reading::TemperatureC(_) => Sensor::Temperature,
            Reading::HumidityPercent(_) => Sensor::Humidity,
            Reading::Flame(_) => Sensor::Flame,
            Reading::Objects(_) => Sensor::Objects,
        }
    }

    /// What was measured, in the sensor's unit.
    #[must_use]
    pub fn value(self) -> i32 {
        match self {
            Reading::TemperatureC(value) | Reading::HumidityPercent(value) => value,
            Reading::Flame(value) => i32::from(value),
            Reading::Objects(count) => i32::try_from(count).unwrap_or(i32::MAX),
        }
    }

    /// Last level of the topic.
    #[must_use]
    pub const fn data_name(self) -> &'static str {
        self.sensor().data_name()
    }

    /// The reading in a message, in either form; `None` where there is no sensor of this name or no number.
    #[must_use]
    pub fn within(data_name: &str, text: &str) -> Option<Reading> {
        let value = text.trim_end_matches(']').rsplit(',').next()?.trim().parse().ok()?;
        Some(Reading::new(Sensor::named(data_name)?, value))
    }

    /// The text of the message: type, range, value.
    #[must_use]
    pub fn text(self, form: Form) -> String {
        form.write(match self {
            Reading::TemperatureC(c) => format!("float,0-70,{c}"),
            Reading::HumidityPercent(percent) => format!("float,0-100,{percent}"),
            Reading::Flame(value) => format!("int,0-1024,{value}"),
            Reading::Objects(count) => format!("int,0-100,{count}"),
        })
    }
}

/// Last level of the topic on which a gateway publishes its batches.
pub const BATCH: &str = "sensorBatch";

/// What a server takes a message for, by its topic alone: a place called `controlRoom` makes every
/// message of it a control message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The topic contains `control`.
    Control,
    /// Otherwise, it contains `Sensor`.
    Data,
    /// A gateway's batch. The authors' code has none of these and ignores the topic.
    Batch,
    /// Nothing of these: ignored.
    Other,
}

impl Kind {
    /// The kind of a topic.
    #[must_use]
    pub fn of(topic: &str) -> Kind {
        if topic.ends_with(BATCH) {
            Kind::Batch
        } else if topic.contains("control") {
            Kind::Control
        } else if topic.contains("Sensor") {
            Kind::Data
        } else {
            Kind::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_authors_messages() {
        let length = |command: Command| command.text(Form::Plain).len();
        assert_eq!(length(Command::PublishConfiguration("x".repeat(2_228))), 2_268);
        assert_eq!(length(Command::Activate(SeverityMode::Normal)), 65);
        assert_eq!(length(Command::Block), 55);
        assert_eq!(length(Command::PublishSeverity(SeverityMode::Normal)), 56);
        assert_eq!(length(Command::PublishSeverity(SeverityMode::Warning)), 57);
        let reading = |reading: Reading| reading.text(Form::Plain).len();
        assert_eq!(reading(Reading::TemperatureC(25)), 13);
        assert_eq!(reading(Reading::HumidityPercent(45)), 14);
        assert_eq!((reading(Reading::Flame(7)), reading(Reading::Flame(1_024))), (12, 15));
    }

    #[test]
    fn commands_are_found_again_in_both_forms() {
        let commands = [
            Command::Activate(SeverityMode::Danger),
            Command::Block,
            Command::PublishSeverity(SeverityMode::Warning),
            Command::SetTriggers(vec!["fire".into(), "person".into()]),
            Command::SetTriggers(vec!["fire".into(), "person".into(), "dog".into()]),
            Command::SetTriggers(Vec::new()),
            Command::Report { about: Order::Triggers, refused: None },
            Command::Report { about: Order::Configuration, refused: Some("line 3: a, b".into()) },
        ];
        for form in [Form::Plain, Form::Bracketed] {
            for command in &commands {
                assert_eq!(Command::within(&command.text(form)).as_ref(), Some(command));
            }
        }
        assert_eq!(Command::within("SET_CN_MODE, active"), None, "the old name is nobody's any more");
        assert_eq!(Command::within("PUB_CN_REPORT, configuration"), None);
        let sampling = |text: Option<&str>| {
            let (message, sampling) = ("<a>1, 2</a>".to_owned(), text.map(str::to_owned));
            match Command::within(&Command::UpdateConfiguration { message, sampling }.text(Form::Bracketed)) {
                Some(Command::UpdateConfiguration { message, sampling }) => {
                    assert!(message.contains("<a>1, 2</a>"));
                    sampling
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(sampling(None), None);
        assert_eq!(sampling(Some("30 20 10")).as_deref(), Some("30 20 10"));
    }

    #[test]
    fn readings_are_found_again_in_both_forms() {
        let readings = [
            Reading::TemperatureC(-4),
            Reading::HumidityPercent(45),
            Reading::Flame(1_024),
            Reading::Objects(2),
        ];
        for form in [Form::Plain, Form::Bracketed] {
            for reading in readings {
                assert_eq!(Reading::within(reading.data_name(), &reading.text(form)), Some(reading));
            }
        }
        assert_eq!(Reading::within("indoorFlameSensor", "int,0-1024,fire"), None);
        assert_eq!(Reading::within("thermometer", "float,0-70,20"), None);
    }

    #[test]
    fn a_room_may_mislead_the_server() {
        assert_eq!(Kind::of("n/CN2/x/indoorFlameSensor"), Kind::Data);
        assert_eq!(Kind::of("n/CN2/controlRoom/indoorFlameSensor"), Kind::Control);
        assert_eq!(Kind::of("n/CN2/x/picture"), Kind::Other);
        assert_eq!(Kind::of("n/GW1/x/sensorBatch"), Kind::Batch);
    }
}
