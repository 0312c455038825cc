//! Stands between a value's `Deserialize` and bincode, and counts what it makes.
//!
//! bincode's own limit counts bytes. It knows no nesting (a recursive type fills the stack), takes no byte for an
//! element without a size (nine bytes make a vector of 2^60 of them), and takes a text's room before it looks
//! whether the bytes are there. So each structure, collection, enum and `Some` passes through here: it is a level
//! deeper while it is read, and its size in memory, which serde's types tell, is taken from a budget.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// What an element without a size counts as, in bytes: a million of them are as many as 64 MiB hold.
const SIZE_OF_NOTHING: usize = 64;

/// For how many elements a collection takes room ahead at most. What it says of its length costs it nothing.
const AHEAD_MAX: usize = 1_024;

/// What is left of a value's limits.
pub(super) struct Budget {
    memory: Cell<usize>,
    depth: Cell<usize>,
    /// For how many elements a collection takes room ahead: not for more than there are bytes.
    ahead_max: usize,
    refusal: Cell<Option<Refusal>>,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Depth,
    Memory,
}

impl Budget {
    pub(super) fn new(memory_max: usize, depth_max: usize, len: usize) -> Self {
        let (memory, depth) = (Cell::new(memory_max), Cell::new(depth_max));
        Budget { memory, depth, ahead_max: len.min(AHEAD_MAX), refusal: Cell::new(None) }
    }

    /// The limit that was reached, if that is what went wrong.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal.get()
    }

    fn refuse<T, E: Error>(&self, refusal: Refusal) -> Result<T, E> {
        self.refusal.set(Some(refusal));
        Err(E::custom("a limit was reached"))
    }

    /// Takes the memory of a `T`. One without a size costs time all the same, and may cost no byte of the input.
    fn take<T, E: Error>(&self) -> Result<(), E> {
        let size = if size_of::<T>() == 0 { SIZE_OF_NOTHING } else { size_of::<T>() };
        match self.memory.get().checked_sub(size) {
            Some(left) => self.memory.set(left),
            None => return self.refuse(Refusal::Memory),
        }
        Ok(())
    }

    /// Goes a level deeper while `read` makes its `T`.
    fn nest<T, E: Error>(&self, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.take::<T, E>()?;
        let Some(left) = self.depth.get().checked_sub(1) else { return self.refuse(Refusal::Depth) };
        self.depth.set(left);
        let value = read();
        self.depth.set(left + 1);
        value
    }
}

/// A seed, deserializer, visitor or access of serde's, with the budget of the value that it makes.
pub(super) struct Guarded<'b, T> {
    inner: T,
    budget: &'b Budget,
}

impl<'b, T> Guarded<'b, T> {
    pub(super) fn new(inner: T, budget: &'b Budget) -> Self {
        Guarded { inner, budget }
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Guarded<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Guarded::new(deserializer, self.budget))
    }
}

/// Passes on what holds nothing further.
macro_rules! plain {
    ($($method:ident)+) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        })+
    };
}

/// Passes on what holds more, a level deeper.
macro_rules! nested {
    ($($method:ident($($arg:ident: $type:ty),*))+) => {
        $(fn $method<V: Visitor<'de>>(self, $($arg: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            let Guarded { inner, budget } = self;
            budget.nest(|| inner.$method($($arg,)* Guarded::new(visitor, budget)))
        })+
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Guarded<'_, D> {
    type Error = D::Error;

    plain! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_bytes deserialize_unit
        deserialize_identifier deserialize_ignored_any
    }

    nested! {
        deserialize_option()
        deserialize_newtype_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    // Borrowed first: bincode takes an owned text's room before it knows that the bytes are there.
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_bytes(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.inner.deserialize_unit_struct(name, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// Only what bincode calls on a visitor of something nested.
impl<'de, V: Visitor<'de>> Visitor<'de> for Guarded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Guarded::new(deserializer, self.budget))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Guarded::new(deserializer, self.budget))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Guarded::new(access, self.budget))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(Guarded::new(access, self.budget))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(Guarded::new(access, self.budget))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.budget.take::<T::Value, A::Error>()?;
        self.inner.next_element_seed(Guarded::new(seed, self.budget))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|len| len.min(self.budget.ahead_max))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.budget.take::<K::Value, A::Error>()?;
        self.inner.next_key_seed(Guarded::new(seed, self.budget))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.budget.take::<T::Value, A::Error>()?;
        self.inner.next_value_seed(Guarded::new(seed, self.budget))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint().map(|len| len.min(self.budget.ahead_max))
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Guarded<'b, A> {
    type Error = A::Error;
    type Variant = Guarded<'b, A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (value, variant) = self.inner.variant_seed(seed)?;
        Ok((value, Guarded::new(variant, self.budget)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Guarded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        let Guarded { inner, budget } = self;
        budget.nest(|| inner.newtype_variant_seed(Guarded::new(seed, budget)))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        let Guarded { inner, budget } = self;
        budget.nest(|| inner.tuple_variant(len, Guarded::new(visitor, budget)))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let Guarded { inner, budget } = self;
        budget.nest(|| inner.struct_variant(fields, Guarded::new(visitor, budget)))
    }
}
