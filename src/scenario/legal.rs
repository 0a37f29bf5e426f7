//! What a type accepts at a place: its fields or variants, asked of the type itself.
//!
//! serde hands the names of fields and variants to every deserializer. The one in here reads no
//! text: it walks a path into a type and writes down the names at the end of it. So advice about
//! right names, and the check of a `--set` path, can never fall behind the types.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

/// What a type accepts at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Legal {
    /// The path leads nowhere.
    #[default]
    Nothing,
    /// These fields.
    Fields(&'static [&'static str]),
    /// These variants.
    Variants(&'static [&'static str]),
    /// Any key.
    AnyKey,
    /// Items by number.
    Items,
    /// A plain value.
    Value,
}

/// One step of a path: a key, and the variant's name where the value under it is an enum's.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// The field, key or item number.
    pub key: &'a str,
    /// The name before the parenthesis of the value under the key.
    pub variant: Option<&'a str>,
}

/// What `T` accepts at the end of `path`.
#[must_use]
pub fn legal<'a, T: Deserialize<'a>>(path: &'a [Step<'a>]) -> Legal {
    let mut found = Legal::Nothing;
    let probe = Probe { path, variant: None, found: &mut found };
    // The probe always ends in an error: it has no values to give.
    let _ = T::deserialize(probe);
    found
}

/// Whether `T` accepts `path`.
#[must_use]
pub fn accepts<'a, T: Deserialize<'a>>(path: &'a [Step<'a>]) -> bool {
    match path.split_last() {
        None => true,
        Some((last, parents)) => match legal::<T>(parents) {
            Legal::Fields(fields) => fields.contains(&last.key),
            Legal::Nothing | Legal::Variants(_) | Legal::AnyKey | Legal::Items | Legal::Value => false,
        },
    }
}

struct Probe<'a, 'f> {
    path: &'a [Step<'a>],
    /// The variant's name of the value the probe stands at.
    variant: Option<&'a str>,
    found: &'f mut Legal,
}

impl<'a, 'f> Probe<'a, 'f> {
    /// At the end of the path: writes down `what` and stops.
    fn stop<T>(self, what: Legal) -> Result<T, Seen> {
        if self.path.is_empty() {
            *self.found = what;
        }
        Err(Seen)
    }

    fn below(self) -> Option<(&'a str, Probe<'a, 'f>)> {
        let (step, rest) = self.path.split_first()?;
        Some((step.key, Probe { path: rest, variant: step.variant, found: self.found }))
    }
}

/// Ends every probe.
#[derive(Debug)]
struct Seen;

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seen")
    }
}

impl std::error::Error for Seen {}

impl de::Error for Seen {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Seen
    }
}

impl<'a> Deserializer<'a> for Probe<'a, '_> {
    type Error = Seen;

    fn deserialize_any<V: Visitor<'a>>(self, _: V) -> Result<V::Value, Seen> {
        self.stop(Legal::Value)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Seen> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Seen> {
        // What asks for its own text looks like this; a true newtype says more in the next call.
        if self.path.is_empty() {
            *self.found = Legal::Value;
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Seen> {
        match self.path {
            [] => self.stop(Legal::Fields(fields)),
            [step, ..] if fields.contains(&step.key) => visitor.visit_map(One(Some(self))),
            [_, ..] => Err(Seen),
        }
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Seen> {
        if self.path.is_empty() { self.stop(Legal::AnyKey) } else { visitor.visit_map(One(Some(self))) }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Seen> {
        if self.path.is_empty() { self.stop(Legal::Items) } else { visitor.visit_seq(One(Some(self))) }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Seen> {
        match self.variant {
            Some(name) if variants.contains(&name) => visitor.visit_enum(self),
            Some(_) | None => self.stop(Legal::Variants(variants)),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The one entry or item that the path leads through.
struct One<'a, 'f>(Option<Probe<'a, 'f>>);

impl<'a> de::MapAccess<'a> for One<'a, '_> {
    type Error = Seen;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Seen> {
        let step = self.0.as_ref().and_then(|probe| probe.path.first()).ok_or(Seen)?;
        let key: StrDeserializer<'_, Seen> = step.key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, Seen> {
        let (_, below) = self.0.take().and_then(Probe::below).ok_or(Seen)?;
        seed.deserialize(below)
    }
}

impl<'a> de::SeqAccess<'a> for One<'a, '_> {
    type Error = Seen;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, Seen> {
        let (_, below) = self.0.take().and_then(Probe::below).ok_or(Seen)?;
        seed.deserialize(below).map(Some)
    }
}

impl<'a, 'f> de::EnumAccess<'a> for Probe<'a, 'f> {
    type Error = Seen;
    type Variant = Probe<'a, 'f>;

    fn variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<(S::Value, Self), Seen> {
        let name: StrDeserializer<'_, Seen> = self.variant.ok_or(Seen)?.into_deserializer();
        Ok((seed.deserialize(name)?, Probe { variant: None, ..self }))
    }
}

impl<'a> de::VariantAccess<'a> for Probe<'a, '_> {
    type Error = Seen;

    fn unit_variant(self) -> Result<(), Seen> {
        self.stop(Legal::Value)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'a>>(self, seed: S) -> Result<S::Value, Seen> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'a>>(self, _: usize, _: V) -> Result<V::Value, Seen> {
        self.stop(Legal::Items)
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Seen> {
        self.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::schema::Scenario;

    fn steps<'a>(path: &'a [(&'a str, Option<&'a str>)]) -> Vec<Step<'a>> {
        path.iter().map(|(key, variant)| Step { key, variant: *variant }).collect()
    }

    fn fields(path: &[(&str, Option<&str>)]) -> Vec<&'static str> {
        match legal::<Scenario>(&steps(path)) {
            Legal::Fields(fields) => fields.to_vec(),
            other => panic!("{other:?} at {path:?}"),
        }
    }

    #[test]
    fn the_types_say_what_they_accept() {
        assert!(fields(&[]).contains(&"duration"));
        assert!(fields(&[("tcp", None)]).contains(&"timestamps"));
        let role = [("hosts", None), ("camera", None), ("role", Some("Camera"))];
        assert!(fields(&role).contains(&"image"));
        assert!(!fields(&role).contains(&"payload"));
        assert!(fields(&[("links", None), ("3", None)]).contains(&"loss_up"));
        let filter =
            [("hosts", None), ("x", None), ("role", Some("Subscriber")), ("filters", None), ("0", None)];
        assert_eq!(fields(&filter), ["filter", "qos", "no_local", "retain_as_published", "retain_handling"]);
        assert!(fields(&[("hosts", None), ("x", None), ("mqtt", None), ("will", None)]).contains(&"retain"));
    }

    #[test]
    fn variants_keys_and_values_are_told_apart() {
        let at = |path: &[(&str, Option<&str>)]| legal::<Scenario>(&steps(path));
        assert_eq!(at(&[("stop", None)]), Legal::Variants(&["AtDuration", "WhenQuiet"]));
        assert_eq!(at(&[("hosts", None)]), Legal::AnyKey);
        assert_eq!(at(&[("links", None)]), Legal::Items);
        assert_eq!(at(&[("duration", None)]), Legal::Value);
        assert_eq!(at(&[("duration", None), ("x", None)]), Legal::Nothing);
        assert_eq!(at(&[("nonsense", None)]), Legal::Nothing);
        assert!(matches!(at(&[("hosts", None), ("x", None), ("role", None)]), Legal::Variants(_)));
    }
}
