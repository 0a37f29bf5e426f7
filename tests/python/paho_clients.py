"""Eclipse Paho's Python client against a served broker: paho_clients.py PORT VERSION CHECK.

VERSION is 3 (MQTT 3.1), 4 (3.1.1) or 5 (5.0). Works with paho-mqtt 1.6 and 2.x. Prints what went
wrong and leaves with status 1, or prints nothing.
"""

import queue
import sys

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PORT, VERSION = int(sys.argv[1]), int(sys.argv[2])
PATIENCE = 10


class Client:
    """A client whose events are waited for one by one."""

    def __init__(self, name, clean=True, will=None, expiry=None):
        arguments = {"client_id": name, "protocol": VERSION}
        if hasattr(paho, "CallbackAPIVersion"):
            arguments["callback_api_version"] = paho.CallbackAPIVersion.VERSION2
        if VERSION < 5:
            arguments["clean_session"] = clean
        self.paho = paho.Client(**arguments)
        self.connected, self.gone = queue.Queue(), queue.Queue()
        self.subscribed, self.unsubscribed = queue.Queue(), queue.Queue()
        self.published, self.messages = queue.Queue(), queue.Queue()
        self.paho.on_connect = lambda c, u, flags, *rest: self.connected.put(present(flags))
        self.paho.on_disconnect = lambda *about: self.gone.put(True)
        self.paho.on_subscribe = lambda c, u, mid, granted, *rest: self.subscribed.put(levels(granted))
        self.paho.on_unsubscribe = lambda c, u, mid, *rest: self.unsubscribed.put(mid)
        self.paho.on_publish = lambda c, u, mid, *rest: self.published.put(mid)
        self.paho.on_message = lambda c, u, message: self.messages.put(message)
        if will:
            self.paho.will_set(*will)
        more = {}
        if VERSION == 5:
            more["clean_start"] = clean
            if expiry is not None:
                more["properties"] = Properties(PacketTypes.CONNECT)
                more["properties"].SessionExpiryInterval = expiry
        self.paho.connect("127.0.0.1", PORT, 60, **more)
        self.paho.loop_start()
        self.session_present = self.connected.get(timeout=PATIENCE)

    def subscribe(self, *filters):
        self.paho.subscribe(list(filters))
        return self.subscribed.get(timeout=PATIENCE)

    def unsubscribe(self, *filters):
        self.paho.unsubscribe(list(filters))
        self.unsubscribed.get(timeout=PATIENCE)

    def publish(self, topic, payload, qos=0, retain=False):
        mid = self.paho.publish(topic, payload, qos, retain).mid
        same(self.published.get(timeout=PATIENCE), mid)

    def receive(self):
        message = self.messages.get(timeout=PATIENCE)
        return message.topic, message.payload.decode(), message.qos, message.retain

    def leave(self):
        self.paho.disconnect()
        self.gone.get(timeout=PATIENCE)
        self.paho.loop_stop()

    def vanish(self):
        """The transport ends without DISCONNECT."""
        self.paho.loop_stop()
        self.paho.socket().close()


def present(flags):
    return bool(flags["session present"] if isinstance(flags, dict) else flags.session_present)


def levels(granted):
    return [code if isinstance(code, int) else code.value for code in granted]


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f"{got!r}, not {wanted!r}")


def qos():
    subscriber, publisher = Client("subscriber"), Client("publisher")
    same(subscriber.subscribe(("level/0", 0), ("level/1", 1), ("level/2", 2)), [0, 1, 2])
    long = "x" * 200_000
    for payload in ("short", long):
        for granted in range(3):
            for sent in range(3):
                publisher.publish(f"level/{granted}", payload, sent)
                # The smaller of what is sent and what is granted. MQTT 3.1.1 §3.8.4
                same(subscriber.receive(), (f"level/{granted}", payload, min(sent, granted), False))
    for number in range(300):
        publisher.paho.publish("level/2", str(number), 2)
    same([subscriber.receive()[1] for _ in range(300)], [str(number) for number in range(300)])
    publisher.leave()
    subscriber.leave()


def will():
    listener = Client("listener")
    listener.subscribe(("will/#", 2))
    for level in range(3):
        lost = Client("lost", will=(f"will/{level}", "gone", level, level == 1))
        lost.vanish()
        same(listener.receive(), (f"will/{level}", "gone", level, False))
    polite = Client("polite", will=("will/polite", "never", 1, False))
    polite.leave()
    listener.publish("will/end", "end", 1)
    same(listener.receive(), ("will/end", "end", 1, False))
    late = Client("late")
    late.subscribe(("will/#", 2))
    same(late.receive(), ("will/1", "gone", 1, True))
    late.leave()
    listener.leave()


def retained():
    publisher = Client("publisher")
    for level in range(3):
        publisher.publish(f"kept/{level}", "first", level, True)
        publisher.publish(f"kept/{level}", "last", level, True)
    publisher.publish("kept/0", "", 0, True)
    subscriber = Client("subscriber")
    subscriber.subscribe(("kept/#", 2))
    got = sorted(subscriber.receive() for _ in range(2))
    same(got, [("kept/1", "last", 1, True), ("kept/2", "last", 2, True)])
    # To whom is subscribed already it is a message like any other. MQTT 3.1.1 §3.3.1.3
    publisher.publish("kept/3", "new", 1, True)
    same(subscriber.receive(), ("kept/3", "new", 1, False))
    subscriber.leave()
    publisher.leave()


def session():
    stored = Client("stored", clean=True, expiry=60)
    stored.leave()
    stored = Client("stored", clean=False, expiry=60)
    # MQTT 3.1.1 §3.1.2.4: what a clean session leaves is discarded; in 5.0 the expiry decides.
    same(stored.session_present, VERSION == 5)
    stored.subscribe(("missed/+", 2))
    stored.leave()
    publisher = Client("publisher")
    for level in range(3):
        publisher.publish(f"missed/{level}", "while away", level)
    stored = Client("stored", clean=False, expiry=60)
    same(stored.session_present, True)
    same([stored.receive() for _ in range(2)], [(f"missed/{q}", "while away", q, False) for q in (1, 2)])
    publisher.publish("missed/here", "again", 0)
    same(stored.receive(), ("missed/here", "again", 0, False))
    stored.leave()
    fresh = Client("stored", clean=True, expiry=0)
    same(fresh.session_present, False)
    publisher.publish("missed/here", "nobody", 1)
    fresh.subscribe(("other", 1))
    publisher.publish("other", "now", 1)
    same(fresh.receive()[1], "now")
    fresh.leave()
    publisher.leave()


def wildcards():
    publisher = Client("publisher")
    cases = {
        "sport/tennis/+": ["sport/tennis/one", "sport/tennis/"],
        "sport/#": ["sport", "sport/tennis", "sport/tennis/one", "sport/tennis/", "sport/a/b/c"],
        "+/+": ["/finance", "sport/tennis"],
        "/+": ["/finance"],
        "+": ["sport"],
        "#": ["sport", "sport/tennis", "sport/tennis/one", "sport/tennis/", "sport/a/b/c", "/finance"],
        "+/tennis/#": ["sport/tennis", "sport/tennis/one", "sport/tennis/"],
    }
    topics = ["sport", "sport/tennis", "sport/tennis/one", "sport/tennis/", "sport/a/b/c", "/finance"]
    for number, (topic_filter, wanted) in enumerate(cases.items()):
        subscriber = Client(f"subscriber-{number}")
        subscriber.subscribe((topic_filter, 1))
        for topic in topics + ["$private/topic"]:
            publisher.publish(topic, "x", 1)
        subscriber.unsubscribe(topic_filter)
        publisher.publish("sport", "unheard", 1)
        subscriber.subscribe(("end", 1))
        publisher.publish("end", "x", 1)
        got = []
        while not got or got[-1] != "end":
            got.append(subscriber.receive()[0])
        same(sorted(got[:-1]), sorted(wanted))
        subscriber.leave()
    publisher.leave()


try:
    {"qos": qos, "will": will, "retained": retained, "session": session, "wildcards": wildcards}[sys.argv[3]]()
except queue.Empty:
    sys.exit("waited in vain")
except AssertionError as wrong:
    sys.exit(str(wrong))
