//! A finite number of any size: base-10000 digits, weight, display scale. The long way of every operation.

use super::SMALL_SCALE;
use super::integer::POWERS_OF_10;
use std::cmp::Ordering;

/// The digits' base, and decimal digits in one.
pub(super) const BASE: i32 = 10000;
pub(super) const DIGITS: i32 = 4;

/// Stripped except where a function says otherwise: no zero digits at either end; zero is positive, of weight 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    pub negative: bool,
    pub weight: i32,
    pub dscale: i32,
    pub digits: Vec<i16>,
}

impl Decimal {
    pub fn zero(dscale: i32) -> Decimal {
        Decimal { negative: false, weight: 0, dscale, digits: vec![] }
    }

    pub fn from_int(value: i64) -> Decimal {
        Decimal::from_units(value as i128, 0)
    }

    /// units / 10^scale
    pub fn from_units(units: i128, scale: i32) -> Decimal {
        let negative = units < 0;
        let mut rest = units.unsigned_abs();
        let mut digits = Vec::with_capacity(10);
        // The lowest group holds the decimal digits that do not fill a group of four after the point.
        let partial = scale.rem_euclid(DIGITS);
        let groups_after_point = scale.div_euclid(DIGITS) + i32::from(partial > 0);
        if partial > 0 {
            let power = POWERS_OF_10[partial as usize] as u128;
            digits.push((rest % power) as i16 * POWERS_OF_10[(DIGITS - partial) as usize] as i16);
            rest /= power;
        }
        while rest > 0 {
            digits.push((rest % BASE as u128) as i16);
            rest /= BASE as u128;
        }
        digits.reverse();
        let weight = digits.len() as i32 - 1 - groups_after_point;
        let mut decimal = Decimal { negative, weight, dscale: scale, digits };
        decimal.strip();
        decimal
    }

    /// As an i64 and a scale, if it fits.
    pub fn to_small(&self) -> Option<(i64, u8)> {
        if self.dscale > SMALL_SCALE || self.weight > 4 {
            return None;
        }
        let units = self.to_units(self.dscale)?;
        Some((i64::try_from(units).ok()?, self.dscale as u8))
    }

    /// self * 10^scale, truncated; None if it does not fit. 0 <= scale.
    pub fn to_units(&self, scale: i32) -> Option<i128> {
        let mut units: i128 = 0;
        // Groups from the first down to the one that holds the last wanted decimal digit.
        let last = -((scale + DIGITS - 1) / DIGITS);
        let mut position = self.weight;
        if position < last {
            return Some(0);
        }
        while position >= last {
            let digit = self.digit_at(position) as i128;
            if position == last && scale % DIGITS != 0 {
                let keep = scale % DIGITS;
                units = units.checked_mul(POWERS_OF_10[keep as usize])?;
                units = units.checked_add(digit / POWERS_OF_10[(DIGITS - keep) as usize])?;
            } else {
                units = units.checked_mul(BASE as i128)?.checked_add(digit)?;
            }
            position -= 1;
        }
        Some(if self.negative { -units } else { units })
    }

    /// The digit of 10000^position.
    pub fn digit_at(&self, position: i32) -> i16 {
        let index = self.weight - position;
        if index < 0 { 0 } else { self.digits.get(index as usize).copied().unwrap_or(0) }
    }

    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    pub fn is_integer(&self) -> bool {
        self.digits.len() as i32 <= self.weight + 1 || self.is_zero()
    }

    /// Drops zero digits at both ends.
    pub fn strip(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        if leading > 0 {
            self.digits.drain(..leading);
            self.weight -= leading as i32;
        }
        if self.digits.is_empty() {
            self.negative = false;
            self.weight = 0;
        }
    }

    /// Decimal digits after the point that are needed to show the value.
    pub fn min_scale(&self) -> i32 {
        let groups = self.digits.len() as i32 - 1 - self.weight;
        match self.digits.last() {
            Some(last) if groups > 0 => {
                let mut scale = groups * DIGITS;
                let mut last = *last;
                while last % 10 == 0 {
                    scale -= 1;
                    last /= 10;
                }
                scale
            }
            _ => 0,
        }
    }

    /// With the smallest scale that shows the value.
    pub fn trimmed(&self) -> Decimal {
        Decimal { dscale: self.min_scale(), ..self.clone() }
    }

    pub fn compare(&self, other: &Decimal) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
        }
    }

    pub fn compare_magnitude(&self, other: &Decimal) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Stripped digits compare like strings once the weights agree.
            (false, false) => self.weight.cmp(&other.weight).then_with(|| self.digits.cmp(&other.digits)),
        }
    }

    pub fn negate(mut self) -> Decimal {
        self.negative = !self.negative && !self.is_zero();
        self
    }

    pub fn magnitude(mut self) -> Decimal {
        self.negative = false;
        self
    }

    /// Exact; the larger scale.
    pub fn add(&self, other: &Decimal) -> Decimal {
        let dscale = self.dscale.max(other.dscale);
        if self.negative == other.negative {
            return self.add_magnitude(other, self.negative, dscale);
        }
        match self.compare_magnitude(other) {
            Ordering::Equal => Decimal::zero(dscale),
            Ordering::Greater => self.sub_magnitude(other, self.negative, dscale),
            Ordering::Less => other.sub_magnitude(self, other.negative, dscale),
        }
    }

    /// Exact; the larger scale.
    pub fn sub(&self, other: &Decimal) -> Decimal {
        let dscale = self.dscale.max(other.dscale);
        if self.negative != other.negative {
            // A zero is positive, so a zero on the left has a negative number on its right.
            return self.add_magnitude(other, self.negative, dscale);
        }
        match self.compare_magnitude(other) {
            Ordering::Equal => Decimal::zero(dscale),
            Ordering::Greater => self.sub_magnitude(other, self.negative, dscale),
            Ordering::Less => other.sub_magnitude(self, !self.negative, dscale),
        }
    }

    /// The position of the last digit of either.
    fn lowest(&self, other: &Decimal) -> i32 {
        let last = |d: &Decimal| d.weight + 1 - d.digits.len() as i32;
        match (self.is_zero(), other.is_zero()) {
            (true, _) => last(other),
            (_, true) => last(self),
            _ => last(self).min(last(other)),
        }
    }

    fn add_magnitude(&self, other: &Decimal, negative: bool, dscale: i32) -> Decimal {
        let (low, high) = (self.lowest(other), self.weight.max(other.weight) + 1);
        let mut digits = Vec::with_capacity((high - low + 1) as usize);
        let mut carry = 0;
        for position in low..=high {
            let sum = self.digit_at(position) + other.digit_at(position) + carry;
            carry = i16::from(sum >= BASE as i16);
            digits.push(sum - carry * BASE as i16);
        }
        digits.reverse();
        let mut result = Decimal { negative, weight: high, dscale, digits };
        result.strip();
        result
    }

    /// |self| - |other|; |self| is the larger.
    fn sub_magnitude(&self, other: &Decimal, negative: bool, dscale: i32) -> Decimal {
        let (low, high) = (self.lowest(other), self.weight.max(other.weight));
        let mut digits = Vec::with_capacity((high - low + 1) as usize);
        let mut borrow = 0;
        for position in low..=high {
            let difference = self.digit_at(position) - other.digit_at(position) - borrow;
            borrow = i16::from(difference < 0);
            digits.push(difference + borrow * BASE as i16);
        }
        digits.reverse();
        let mut result = Decimal { negative, weight: high, dscale, digits };
        result.strip();
        result
    }

    /// Rounded to `rscale` digits after the point.
    pub fn mul(&self, other: &Decimal, rscale: i32) -> Decimal {
        if self.is_zero() || other.is_zero() {
            return Decimal::zero(rscale);
        }
        let count = self.digits.len() + other.digits.len();
        let mut sums = vec![0u64; count];
        for (i, &a) in self.digits.iter().enumerate() {
            if a != 0 {
                // At most 131072 / 4 products of less than 10^8 each: far below 2^64.
                for (j, &b) in other.digits.iter().enumerate() {
                    sums[i + j + 1] += a as u64 * b as u64;
                }
            }
        }
        let mut digits = vec![0i16; count];
        let mut carry = 0;
        for (digit, sum) in digits.iter_mut().zip(&sums).rev() {
            let sum = sum + carry;
            *digit = (sum % BASE as u64) as i16;
            carry = sum / BASE as u64;
        }
        let mut result = Decimal {
            negative: self.negative != other.negative,
            weight: self.weight + other.weight + 1,
            dscale: self.dscale + other.dscale,
            digits,
        };
        result.strip();
        result.round(rscale);
        result
    }

    /// self / other with `rscale` digits after the point, rounded half away from zero or truncated.
    /// `other` is not zero.
    pub fn div(&self, other: &Decimal, rscale: i32, round: bool) -> Decimal {
        if self.is_zero() || other.is_zero() {
            return Decimal::zero(rscale);
        }
        let weight = self.weight - other.weight;
        // One digit more than asked for decides the rounding: the quotient below is truncated, never rounded.
        let count = weight as i64 + 2 + (rscale as i64 + DIGITS as i64 - 1) / DIGITS as i64 + 1;
        if count <= 0 {
            return Decimal::zero(rscale);
        }
        let digits = divide(&self.digits, &other.digits, count as usize);
        let mut result =
            Decimal { negative: self.negative != other.negative, weight, dscale: rscale + 8, digits };
        result.strip();
        if round {
            result.round(rscale);
        } else {
            result.truncate(rscale);
        }
        result
    }

    pub fn div_int(&self, divisor: i64, rscale: i32) -> Decimal {
        self.div(&Decimal::from_int(divisor), rscale, true)
    }

    /// To `rscale` digits after the point (negative: before it), half away from zero. The scale displayed is `rscale`,
    /// at least 0.
    pub fn round(&mut self, rscale: i32) {
        self.cut(rscale, true);
    }

    pub fn truncate(&mut self, rscale: i32) {
        self.cut(rscale, false);
    }

    fn cut(&mut self, rscale: i32, round: bool) {
        let dscale = rscale.max(0);
        // Decimal digits that stay, counted from the first digit group.
        let keep = (self.weight as i64 + 1) * DIGITS as i64 + rscale as i64;
        if keep < 0 || self.is_zero() {
            *self = Decimal::zero(dscale);
            return;
        }
        self.dscale = dscale;
        let (groups, partial) = ((keep / DIGITS as i64) as usize, (keep % DIGITS as i64) as usize);
        if groups >= self.digits.len() {
            return;
        }
        // digits[groups] is the first group not kept whole.
        let power = POWERS_OF_10[DIGITS as usize - partial] as i32;
        let group = self.digits[groups] as i32;
        let up = round && group % power >= power / 2;
        self.digits.truncate(groups);
        let mut carry = 0;
        if partial > 0 {
            let mut kept = group - group % power;
            if up {
                kept += power;
            }
            carry = kept / BASE;
            self.digits.push((kept % BASE) as i16);
        } else if up {
            carry = 1;
        }
        let mut index = groups;
        while carry > 0 && index > 0 {
            index -= 1;
            let sum = self.digits[index] as i32 + 1;
            carry = sum / BASE;
            self.digits[index] = (sum % BASE) as i16;
        }
        if carry > 0 {
            self.digits.insert(0, 1);
            self.weight += 1;
        }
        self.strip();
    }

    /// Roughly, for estimates of weights; infinite when beyond f64.
    pub fn to_f64_estimate(&self) -> f64 {
        let mut value = 0.0;
        for &digit in self.digits.iter().take(6) {
            value = value * BASE as f64 + digit as f64;
        }
        let exponent = (self.weight + 1 - self.digits.len().min(6) as i32) * DIGITS;
        let magnitude = value * 10f64.powi(exponent);
        if self.negative { -magnitude } else { magnitude }
    }
}

/// Knuth's algorithm D in base 10000: the first `count` digits of the quotient, the first of them of weight
/// (weight of the dividend - weight of the divisor).
fn divide(dividend: &[i16], divisor: &[i16], count: usize) -> Vec<i16> {
    let base = BASE as i64;
    if let [only] = divisor {
        let divisor = *only as i64;
        let mut rest = 0;
        return (0..count)
            .map(|i| {
                let current = rest * base + dividend.get(i).copied().unwrap_or(0) as i64;
                rest = current % divisor;
                (current / divisor) as i16
            })
            .collect();
    }
    // Scale so that the divisor's first digit is at least half the base.
    let scale = base / (divisor[0] as i64 + 1);
    let scaled = |digits: &[i16], len: usize| {
        let mut out = vec![0i64; len + 1];
        let mut carry = 0;
        for i in (0..len).rev() {
            let product = digits.get(i).copied().unwrap_or(0) as i64 * scale + carry;
            out[i + 1] = product % base;
            carry = product / base;
        }
        out[0] = carry;
        out
    };
    let size = divisor.len();
    let divisor = &scaled(divisor, size)[1..];
    let mut rest = scaled(dividend, count + size);
    let mut quotient = Vec::with_capacity(count);
    for i in 0..count {
        let top = rest[i] * base + rest[i + 1];
        let mut guess = (top / divisor[0]).min(base - 1);
        // The guess is at most two too large; the second digit shows most of it.
        while guess * divisor[1] > (top - guess * divisor[0]) * base + rest[i + 2] {
            guess -= 1;
        }
        if guess > 0 {
            let mut borrow = 0;
            for j in (0..size).rev() {
                let difference = rest[i + 1 + j] - guess * divisor[j] - borrow;
                let digit = difference.rem_euclid(base);
                borrow = (digit - difference) / base;
                rest[i + 1 + j] = digit;
            }
            rest[i] -= borrow;
            if rest[i] < 0 {
                guess -= 1;
                let mut carry = 0;
                for j in (0..size).rev() {
                    let sum = rest[i + 1 + j] + divisor[j] + carry;
                    rest[i + 1 + j] = sum % base;
                    carry = sum / base;
                }
                rest[i] += carry;
            }
        }
        quotient.push(guess as i16);
    }
    quotient
}
