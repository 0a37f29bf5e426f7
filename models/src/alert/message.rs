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
    UpdateConfiguration(String),
    /// The server tells a node with a camera which kinds of objects alarm it (the paper; the code has no
    /// such command).
    SetTriggers(Vec<String>),
}

const PUBLISH_CONFIGURATION: &str = "PUB_CONFIG_FILE";
const SET_FUNCTIONAL_MODE: &str = "SET_CN_FUNCTIONAL_MODE";
const PUBLISH_SEVERITY: &str = "PUB_CN_SEVERITY_MODE";
const UPDATE_CONFIGURATION: &str = "UPDATE_CONFIG_FILE";
const SET_TRIGGERS: &str = "SET_CN_TRIGGERS";
const UNUSED: &str = "parameter2, parameter3";

impl Command {
    /// The text of the message.
    #[must_use]
    pub fn text(&self, form: Form) -> String {
        form.write(match self {
            Command::PublishConfiguration(xml) => format!("{PUBLISH_CONFIGURATION}, {xml},{UNUSED}"),
            Command::Activate(mode) => format!("{SET_FUNCTIONAL_MODE}, active,{}, {UNUSED}", mode.word()),
            Command::Block => format!("{SET_FUNCTIONAL_MODE}, blocked, {UNUSED}"),
            Command::PublishSeverity(mode) => format!("{PUBLISH_SEVERITY}, {}, {UNUSED}", mode.word()),
            Command::UpdateConfiguration(xml) => format!("{UPDATE_CONFIGURATION}, {xml},{UNUSED}"),
            Command::SetTriggers(kinds) => format!("{SET_TRIGGERS}, {}, {UNUSED}", kinds.join(" ")),
        })
    }

    /// The command of a message, found as the authors' code finds it: by the words it contains. `None`
    /// for a text without a known command, which both sides ignore.
    #[must_use]
    pub fn within(text: &str) -> Option<Command> {
        // A configuration may contain any word; so it comes first.
        if text.contains(PUBLISH_CONFIGURATION) {
            return Some(Command::PublishConfiguration(text.to_owned()));
        }
        if text.contains(UPDATE_CONFIGURATION) {
            return Some(Command::UpdateConfiguration(text.to_owned()));
        }
        if text.contains(SET_TRIGGERS) {
            let kinds = text.split(',').nth(1).unwrap_or_default();
            return Some(Command::SetTriggers(kinds.split_whitespace().map(str::to_owned).collect()));
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
    /// Last level of the topic. The one of the flame sensor is not a name that the schema allows.
    #[must_use]
    pub const fn data_name(self) -> &'static str {
        match self {
            Reading::TemperatureC(_) => "indoorTemperatureSensor",
            Reading::HumidityPercent(_) => "indoorHumiditySensor",
            Reading::Flame(_) => "indoorFlameSensor",
            Reading::Objects(_) => "imageCameraSensor",
        }
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

/// What a server takes a message for, by its topic alone: a place called `controlRoom` makes every
/// message of it a control message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The topic contains `control`.
    Control,
    /// Otherwise, it contains `Sensor`.
    Data,
    /// Neither: ignored.
    Other,
}

impl Kind {
    /// The kind of a topic.
    #[must_use]
    pub fn of(topic: &str) -> Kind {
        if topic.contains("control") {
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
        ];
        for form in [Form::Plain, Form::Bracketed] {
            for command in &commands {
                assert_eq!(Command::within(&command.text(form)).as_ref(), Some(command));
            }
        }
        assert_eq!(Command::within("SET_CN_MODE, active"), None, "the old name is nobody's any more");
    }

    #[test]
    fn a_room_may_mislead_the_server() {
        assert_eq!(Kind::of("n/CN2/x/indoorFlameSensor"), Kind::Data);
        assert_eq!(Kind::of("n/CN2/controlRoom/indoorFlameSensor"), Kind::Control);
        assert_eq!(Kind::of("n/CN2/x/picture"), Kind::Other);
    }
}
