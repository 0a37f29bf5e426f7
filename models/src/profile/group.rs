//! Groups of figures that a profile has whole or not at all: sleep, waking, a heap, an accelerator.

/// A struct of optional figures with the key of each, so that listing them and inheriting them
/// cannot fall behind the fields.
macro_rules! figures {
    (
        $(#[$about:meta])*
        $name:ident, $word:literal { $($(#[$field_about:meta])* $field:ident,)* }
    ) => {
        $(#[$about])*
        #[derive(Clone, PartialEq, Debug, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default, rename = $word)]
        pub struct $name {
            $($(#[$field_about])* pub $field: Option<crate::profile::Figure>,)*
        }

        impl $name {
            /// Every figure with its path, under the group's key.
            pub(super) fn figures<'a>(
                group: Option<&'a Self>,
                key: &'static str,
            ) -> Vec<(Vec<&'static str>, &'a crate::profile::Figure)> {
                let Some(group) = group else { return Vec::new() };
                let all = [$((stringify!($field), group.$field.as_ref()),)*];
                all.into_iter().filter_map(|(name, figure)| Some((vec![key, name], figure?))).collect()
            }

            /// This group, with what it lacks taken from `base`.
            pub(super) fn over(own: Option<Self>, base: Option<Self>) -> Option<Self> {
                match (own, base) {
                    (Some(own), Some(base)) => Some($name { $($field: own.$field.or(base.$field),)* }),
                    (own, base) => own.or(base),
                }
            }
        }
    };
}

pub(super) use figures;
