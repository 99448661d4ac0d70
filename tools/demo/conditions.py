"""Sale conditions of the recorded AIG prints: a bit mask to the tape's one-letter codes."""

# Bits as QuantConnect Lean's TradeConditionFlags names them, codes as the CTA tapes write them.
# A bit without a code of its own on those tapes stays text, so that nothing is lost.
CTA_CODES = {
    0: "@",  # regular
    1: "C",  # cash
    2: "N",  # next day
    3: "R",  # seller
    5: "F",  # intermarket sweep
    6: "O",  # opening print
    7: "6",  # closing print
    8: "5",  # reopening print
    9: "4",  # derivatively priced
    10: "T",  # form T
    11: "L",  # sold last
    13: "T",  # extended hours
    18: "V",  # stock-option trade
    20: "B",  # average price
    21: "X",  # cross
    22: "H",  # price variation
    23: "K",  # rule 155
    24: "M",  # official close
    25: "P",  # prior reference price
    26: "Q",  # official open
    28: "E",  # automatic execution
    31: "I",  # odd lot
}
_SOLD_OUT_OF_SEQUENCE = (1 << 11) | (1 << 14)


def cta_codes(mask_hex: str, *, suspicious: bool = False) -> list[str]:
    """Return the codes of a sale condition mask; '20000020' is ['F', '0x20000000'].

    Sold and out of sequence together are the tape's 'Z'. A suspicious print says so.
    """
    mask = int(mask_hex, 16)
    codes = []
    if mask & _SOLD_OUT_OF_SEQUENCE == _SOLD_OUT_OF_SEQUENCE:
        codes.append("Z")
        mask &= ~_SOLD_OUT_OF_SEQUENCE
    for bit in range(mask.bit_length()):
        if mask >> bit & 1:
            code = CTA_CODES.get(bit, f"0x{1 << bit:x}")
            if code not in codes:
                codes.append(code)
    return [*codes, "suspicious"] if suspicious else codes
