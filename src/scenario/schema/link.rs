//! Links and what goes wrong on them.

use models::profile::Framing;
use ron::error::Error;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::ideal;
use crate::scenario::error::{Refusal, name_help, nearest};
use crate::scenario::quantity::{Literal, Probability, Rate, Size, Span};

/// A link between two nodes. Where `from` is a fleet, every member has a link of its own.
///
/// *Up* is the direction from `from` to `to`, *down* the other one. What is said for each way holds
/// for both directions, each of which has its own queue, random numbers and counters. What is not
/// given comes from the profile.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// A host, a switch or a router.
    pub from: String,
    /// A host, a switch or a router.
    pub to: String,
    /// Name of a profile in `hw-profiles/links`.
    #[serde(default = "ideal")]
    pub profile: String,
    /// Data rate up, and down unless `rate_down` is given.
    pub rate: Option<Rate>,
    /// Data rate down.
    pub rate_down: Option<Rate>,
    /// Propagation delay each way.
    pub delay: Option<Span>,
    /// Propagation delay down.
    pub delay_down: Option<Span>,
    /// Frames lost, each way: `0.01`, `"1 %"`, or a model, see [`Loss`].
    pub loss: Option<Loss>,
    /// The same for the way up.
    pub loss_up: Option<Loss>,
    /// The same for the way down.
    pub loss_down: Option<Loss>,
    /// Probability that a bit is wrong, each way; a frame with a wrong bit is lost, so long frames
    /// are lost more often.
    pub bit_errors: Option<Probability>,
    /// How the delay varies from frame to frame, each way.
    pub jitter: Option<Jitter>,
    /// Whether a frame may overtake another one by jitter; false unless said otherwise.
    #[serde(default)]
    pub overtaking: bool,
    /// Frames that hurry ahead of others, each way.
    pub reorder: Option<Reorder>,
    /// Probability that a frame arrives twice, each way.
    pub duplicate: Option<Probability>,
    /// Largest IP packet, 68 B to 65535 B.
    pub mtu: Option<Size>,
    /// Whether a router before this link drops in silence what is longer than its MTU, instead of
    /// telling the sender by ICMP; false unless said otherwise.
    #[serde(default)]
    pub mtu_black_hole: bool,
    /// Room for waiting frames, each way: `"64 KiB"`, `Packets(20)` or `Unlimited`; what finds no
    /// room is dropped.
    pub queue: Option<Queue>,
    /// The same for the way down.
    pub queue_down: Option<Queue>,
    /// What is around an IP packet.
    pub framing: Option<Framing>,
    /// The radio of a mobile link.
    pub radio: Option<Radio>,
    /// A middlebox on the link that forgets silent connections.
    pub nat: Option<Nat>,
    /// WiFi links to the same node share one medium if they have the same channel; 1 unless given.
    pub channel: Option<u32>,
    /// From the first frame of a WiFi station, and from the end of an outage, until it is associated
    /// and has an address; frames wait meanwhile.
    pub join: Option<Span>,
    /// Sleep of a WiFi station between beacons: `(wake_every: 3, stay_awake: "1 s")`; `wake_every: 0`
    /// turns it off.
    pub power_save: Option<PowerSave>,
    /// WiFi frames with a longer IP packet are announced by RTS and CTS; without it, none is.
    pub rts_above: Option<Size>,
}

/// A WiFi station that sleeps: frames for it wait at the access point until it listens to a beacon,
/// and what it sends wakes it at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PowerSave {
    /// It listens to one beacon in so many: the DTIM period, or its listen interval. 0 never sleeps.
    pub wake_every: u32,
    /// Awake after its last frame, either way; `"1 s"` unless given.
    pub stay_awake: Option<Span>,
    /// Between two beacons; `"102.4 ms"` unless given.
    pub beacon_interval: Option<Span>,
}

/// Which frames are lost. Besides these, a plain number or percentage is the probability for each
/// frame by itself.
#[derive(Clone, PartialEq, Debug)]
pub enum Loss {
    /// Written as a number: `0.01` or `"1 %"`.
    Probability(Probability),
    /// Written as `GilbertElliott(p: 0.01, r: 0.3, h: 0.3, k: 0.999)`: losses in bursts. A good
    /// channel turns bad with probability `p` per frame, a bad one good with `r`; a bad one lets a
    /// frame through with `h` (0 unless given), a good one with `k` (1 unless given). In netem's
    /// words `loss gemodel p r 1-h 1-k`. The share of frames that meet a bad channel is p / (p + r),
    /// and a bad spell has 1 / r frames.
    GilbertElliott {
        /// Probability to turn bad.
        p: Probability,
        /// Probability to turn good.
        r: Probability,
        /// Probability to get through a bad channel.
        h: Probability,
        /// Probability to get through a good channel.
        k: Probability,
    },
    /// Written as `Trace(file: "losses.txt")` or `Trace(packets: "...x..xx", repeat: true)`.
    Trace(Trace),
    /// Written as `Packets([3, 17])`: these frames of this direction, counted from 1 in the order in
    /// which they are sent.
    Packets(Vec<u64>),
}

/// Recorded losses: a `.` for every frame delivered and an `x` for every frame lost, in the order in
/// which the direction was given them. White space and what follows `#` in a line do not count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// Where it is.
    pub text: TraceText,
    /// Whether it begins again at its end; otherwise everything behind it is delivered.
    pub repeat: bool,
}

/// Where a trace is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TraceText {
    /// In this file, named from the scenario's folder.
    File(String),
    /// In the scenario.
    Here(String),
}

impl Loss {
    /// Reads what is written as a name with parentheses.
    fn named(written: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        enum Written {
            GilbertElliott {
                p: Probability,
                r: Probability,
                h: Option<Probability>,
                k: Option<Probability>,
            },
            Trace {
                file: Option<String>,
                packets: Option<String>,
                #[serde(default)]
                repeat: bool,
            },
            Packets(Vec<u64>),
        }
        let options =
            ron::Options::default().with_default_extension(ron::extensions::Extensions::IMPLICIT_SOME);
        match options.from_str(written).map_err(|error| refusal(written, error.code))? {
            Written::GilbertElliott { p, r, h, k } => Ok(Loss::GilbertElliott {
                p,
                r,
                h: h.unwrap_or(Probability(0.0)),
                k: k.unwrap_or(Probability(1.0)),
            }),
            Written::Packets(numbers) => Ok(Loss::Packets(numbers)),
            Written::Trace { file, packets, repeat } => match (file, packets) {
                (Some(file), None) => Ok(Loss::Trace(Trace { text: TraceText::File(file), repeat })),
                (None, Some(text)) => Ok(Loss::Trace(Trace { text: TraceText::Here(text), repeat })),
                (Some(_), Some(_)) | (None, None) => Err(Refusal::new(
                    "a trace is either in a file or here",
                    "write `Trace(file: \"losses.txt\")` or `Trace(packets: \"...x..xx\")`",
                )),
            },
        }
    }
}

/// Why a text is no loss.
fn refusal(written: &str, error: Error) -> Refusal {
    let forms = "write `0.01`, `GilbertElliott(p: 0.01, r: 0.3)`, `Trace(file: \"losses.txt\")` or `Packets([3, 17])`";
    match error {
        Error::Message(message) => Refusal::from_text(&message),
        Error::NoSuchStructField { expected, found, outer } => {
            let inside = outer.map_or(String::new(), |outer| format!(" in `{outer}`"));
            let message = format!("unknown field `{found}`{inside}");
            Refusal::new(message, name_help(&found, expected.iter().copied()).join("; "))
        }
        Error::NoSuchEnumVariant { expected, found, .. } => {
            let guess = nearest(&found, expected.iter().copied())
                .map_or(String::new(), |name| format!("did you mean `{name}`? "));
            Refusal::new(format!("`{found}` is no loss"), format!("{guess}{forms}"))
        }
        Error::MissingStructField { field, outer } => {
            let inside = outer.map_or(String::new(), |outer| format!(" in `{outer}`"));
            Refusal::new(format!("`{field}` is missing{inside}"), forms)
        }
        _ => Refusal::new(format!("`{written}` is no loss"), forms),
    }
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let literal = Literal::deserialize(deserializer)?;
        match &literal {
            Literal::Other(written) => Loss::named(written),
            Literal::Text(_) | Literal::Number(_) => Probability::parse(&literal).map(Loss::Probability),
        }
        .map_err(D::Error::custom)
    }
}

/// Variation of a delay. Unless `overtaking`, no frame arrives before one that was sent earlier.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Jitter {
    /// From so much less to so much more than the delay: `Uniform("2 ms")`.
    Uniform(Span),
    /// Normal about the delay with this standard deviation: `Normal("2 ms")`; never below 0.
    Normal(Span),
    /// On top of the delay, with a long tail: `LogNormal(median: "2 ms", sigma: 0.8)`.
    LogNormal {
        /// The additional delay that half of the frames exceed.
        median: Span,
        /// Standard deviation of its logarithm, 0 to 5.
        sigma: f64,
    },
}

/// Frames that skip the delay and so overtake those under way, as netem's `reorder`.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reorder {
    /// Probability that a frame whose turn it is does so.
    pub probability: Probability,
    /// Every frame has its turn (1), or only after `gap - 1` frames that were delayed.
    #[serde(default = "one")]
    pub gap: u32,
}

const fn one() -> u32 {
    1
}

/// Room for waiting frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Queue {
    /// So many bytes, written as `"256 KiB"`.
    Bytes(u64),
    /// So many frames, the one in transmission included, written as `Packets(20)`.
    Packets(u32),
    /// No end.
    Unlimited,
}

impl<'de> Deserialize<'de> for Queue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        enum Written {
            Packets(u32),
            Unlimited,
        }
        let refusal = match Literal::deserialize(deserializer)? {
            Literal::Text(text) => match Size::parse(&text) {
                Ok(size) => return Ok(Queue::Bytes(size.0)),
                Err(refusal) => refusal,
            },
            Literal::Number(number) => Size::unit_missing(&number),
            Literal::Other(word) => match ron::from_str(&word) {
                Ok(Written::Packets(frames)) => return Ok(Queue::Packets(frames)),
                Ok(Written::Unlimited) => return Ok(Queue::Unlimited),
                Err(_) => Refusal::new(
                    format!("`{word}` is not a queue"),
                    "write its size, `\"256 KiB\"`, its places, `Packets(20)`, or `Unlimited`",
                ),
            },
        };
        Err(D::Error::custom(refusal))
    }
}

/// The radio of a mobile link. One that was idle for longer than its tail has given its channel back,
/// and the next frame in either direction waits for the promotion. A promotion of `"0 s"` turns this
/// off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Radio {
    /// From the first frame to the channel.
    pub promotion: Span,
    /// From the last frame until the channel is given back.
    pub tail: Span,
}

/// A middlebox, as network address translation or a firewall is: it knows a connection from its SYN,
/// and forgets it after a silence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nat {
    /// The longest silence of a connection.
    pub idle: Span,
    /// What a packet of a forgotten connection gets.
    #[serde(default)]
    pub answer: Answer,
}

/// What a packet of a forgotten connection gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Answer {
    /// Nothing; it is dropped.
    #[default]
    Silence,
    /// RST.
    Reset,
}

/// Something that goes wrong at a known time.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub enum Fault {
    /// A link carries nothing for some time.
    LinkDown(LinkDown),
    /// A broker is killed and starts again.
    BrokerRestart(BrokerRestart),
    /// A client is killed and starts again.
    ClientCrash(ClientCrash),
    /// One frame is lost.
    DropFrame(OneFrame),
    /// One frame comes later.
    DelayFrame(DelayFrame),
    /// One frame comes twice.
    DuplicateFrame(OneFrame),
}

/// See [`Fault::DropFrame`] and [`Fault::DuplicateFrame`]. It happens at the end of the frame's last link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneFrame {
    /// Number of the frame, counted over all hosts from 0 in the order in which frames leave them.
    pub serial: u64,
}

/// See [`Fault::DelayFrame`]. It happens at the end of the frame's last link; others may overtake it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelayFrame {
    /// Number of the frame, counted over all hosts from 0 in the order in which frames leave them.
    pub serial: u64,
    /// How much later it comes.
    pub by: Span,
}

/// See [`Fault::BrokerRestart`]. Its kernel closes all connections; while it is down, nobody listens.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerRestart {
    /// The broker's host; not needed where there is only one.
    pub broker: Option<String>,
    /// When it is killed, from the start of the run.
    pub at: Span,
    /// How long it is down.
    #[serde(default)]
    pub down_for: Span,
    /// What it finds again.
    #[serde(default)]
    pub memory: Memory,
}

/// What a broker that was killed finds again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Memory {
    /// Stored sessions with their queues, and retained messages.
    #[default]
    Kept,
    /// Nothing.
    Lost,
}

/// See [`Fault::ClientCrash`]. Its kernel closes the connection; the client forgets everything, and connects
/// again when it is back.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCrash {
    /// The client's host; of a fleet all members, or one, `"camera[3]"`.
    pub host: String,
    /// When it is killed, from the start of the run.
    pub at: Span,
    /// How long it is down.
    #[serde(default)]
    pub down_for: Span,
}

/// See [`Fault::LinkDown`]. A frame that is sent meanwhile is lost; one that has left its
/// transmitter arrives.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkDown {
    /// The link's ends, in the order of its `from` and `to`: `"camera-home"`; of a fleet all links,
    /// or that of one member, `"camera[3]-home"`.
    pub link: String,
    /// When it goes down, from the start of the run.
    pub from: Span,
    /// When it is up again.
    pub to: Span,
    /// Which way.
    #[serde(default)]
    pub way: Way,
    /// What becomes of frames that wait when it goes down.
    #[serde(default)]
    pub queued: Queued,
}

/// Directions of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Way {
    /// Both.
    #[default]
    Both,
    /// From `from` to `to`.
    Up,
    /// From `to` to `from`.
    Down,
}

/// What becomes of frames that wait when a link goes down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
pub enum Queued {
    /// They wait until it is up again.
    #[default]
    Survive,
    /// They are lost.
    Lost,
}
