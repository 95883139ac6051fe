use super::*;
use proptest::prelude::*;
use std::collections::hash_map::DefaultHasher;

fn n(text: &str) -> Numeric {
    Numeric::parse(text).unwrap()
}

fn hash(value: &Numeric) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The same number, never held as an i64.
fn large(value: &Numeric) -> Numeric {
    if value.is_finite() { Numeric(Repr::Large(Box::new(value.decimal()))) } else { value.clone() }
}

fn any_numeric() -> impl Strategy<Value = Numeric> {
    prop_oneof![
        12 => any_finite(),
        1 => Just(Numeric::NAN),
        1 => Just(Numeric::INFINITY),
        1 => Just(Numeric::NEGATIVE_INFINITY),
    ]
}

fn any_finite() -> impl Strategy<Value = Numeric> {
    prop_oneof![
        (any::<i64>(), 0i32..19).prop_map(|(units, scale)| Numeric::from_units(units as i128, scale)),
        (-1000i64..1000, 0i32..19).prop_map(|(units, scale)| Numeric::from_units(units as i128, scale)),
        (any::<i128>(), 0i32..60).prop_map(|(units, scale)| Numeric::from_units(units, scale)),
        "-?[0-9]{1,60}(\\.[0-9]{0,40})?(e-?[0-9]{1,2})?".prop_map(|text| n(&text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn parts_and_text_round_trip(value in any_numeric()) {
        let same = Numeric::from_parts(value.parts()).unwrap();
        prop_assert_eq!(same.to_string(), value.to_string());
        prop_assert_eq!(n(&value.to_string()).to_string(), value.to_string());
        prop_assert_eq!(same.parts(), value.parts());
    }

    #[test]
    fn the_short_way_agrees_with_the_long_way(a in any_numeric(), b in any_numeric()) {
        let show = |result: Result<Numeric>| result.map(|value| value.to_string()).map_err(|error| error.state);
        let (la, lb) = (large(&a), large(&b));
        prop_assert_eq!(show(a.add(&b)), show(la.add(&lb)));
        prop_assert_eq!(show(a.sub(&b)), show(la.sub(&lb)));
        prop_assert_eq!(show(a.mul(&b)), show(la.mul(&lb)));
        prop_assert_eq!(show(a.div(&b)), show(la.div(&lb)));
        prop_assert_eq!(show(a.rem(&b)), show(la.rem(&lb)));
        prop_assert_eq!(show(a.round(3)), show(la.round(3)));
        prop_assert_eq!(show(a.trunc(3)), show(la.trunc(3)));
        prop_assert_eq!(a.cmp(&b), la.cmp(&lb));
        prop_assert_eq!(a.to_i128(), la.to_i128());
        prop_assert_eq!(a.is_integer(), la.is_integer());
    }

    #[test]
    fn equal_numbers_hash_equally(value in any_numeric(), zeros in 0i32..30) {
        let scale = value.scale().unwrap_or(0);
        let padded = value.round(scale + zeros).unwrap();
        prop_assert_eq!(&padded, &value);
        prop_assert_eq!(hash(&padded), hash(&value));
        prop_assert_eq!(hash(&large(&value)), hash(&value));
    }

    #[test]
    fn order_is_the_difference_s_sign(a in any_finite(), b in any_finite()) {
        let sign = a.sub(&b).unwrap().sign();
        prop_assert_eq!(a.cmp(&b), sign.cmp(&Numeric::ZERO));
    }

    #[test]
    fn a_quotient_times_the_divisor_is_the_dividend(a in any_finite(), b in any_finite()) {
        prop_assume!(!b.is_zero());
        let quotient = a.div_trunc(&b).unwrap();
        let back = quotient.mul(&b).unwrap().add(&a.rem(&b).unwrap()).unwrap();
        prop_assert_eq!(back, a);
    }

    #[test]
    fn no_text_panics(text in "[-+0-9.eEnaif ]{0,12}") {
        let _ = Numeric::parse(&text);
    }
}

#[test]
fn specials_are_ordered_and_equal_to_themselves() {
    let order =
        [Numeric::NEGATIVE_INFINITY, n("-1e500"), Numeric::ZERO, n("1e500"), Numeric::INFINITY, Numeric::NAN];
    assert!(order.windows(2).all(|pair| pair[0] < pair[1]));
    assert_eq!(Numeric::NAN, Numeric::NAN);
}

#[test]
fn parts_refuse_what_is_no_number() {
    let parts = |dscale, digits: &[i16]| {
        Numeric::from_parts(Parts { form: Form::Positive, weight: 0, dscale, digits: digits.to_vec() })
    };
    assert_eq!(parts(2, &[1, 5000]).unwrap().to_string(), "1.50");
    assert_eq!(parts(0, &[1, 10000]).unwrap_err().state.code(), "22P03");
    assert_eq!(parts(0, &[-1]).unwrap_err().state.code(), "22P03");
    assert_eq!(parts(16384, &[1]).unwrap_err().state.code(), "22P03");
}

#[test]
fn floats_come_with_15_digits_and_go_rounded_once() {
    assert_eq!(Numeric::from_f64(0.1 + 0.2).to_string(), "0.3");
    assert_eq!(Numeric::from_f64(1e22).to_string(), "10000000000000000000000");
    assert_eq!(Numeric::from_f64(-1234.5).to_string(), "-1234.5");
    assert_eq!(Numeric::from_f64(100.0).to_string(), "100");
    assert_eq!(Numeric::from_f32(0.1).to_string(), "0.1");
    assert_eq!(Numeric::from_f64(f64::NAN).to_string(), "NaN");
    assert_eq!(n("0.3").to_f64().unwrap(), 0.3);
    assert_eq!(n("1e400").to_f64().unwrap_err().state.code(), "22003");
    assert_eq!(n("1e-400").to_f64().unwrap_err().state.code(), "22003");
    assert_eq!(n("9007199254740993").to_f64().unwrap(), 9007199254740992.0);
}

#[test]
fn the_smallest_i64_keeps_its_sign_apart() {
    let smallest = Numeric::from(i64::MIN);
    assert_eq!(smallest.neg().to_string(), "9223372036854775808");
    assert_eq!(smallest.neg().neg(), smallest);
    assert_eq!(smallest.abs().to_i64(), None);
    assert_eq!(smallest.to_i64(), Some(i64::MIN));
}
