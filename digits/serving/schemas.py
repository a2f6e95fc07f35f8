"""The JSON of the API: these models make the answers, check the requests, and describe both in the OpenAPI document.

`test.py --json` prints the same readings and errors.
"""

import re
from typing import Annotated, LiteralString

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, FailFast, Field, field_validator
from pydantic_core import PydanticCustomError

from digits import UserError

MULTIPART = "multipart/form-data"
INDEX_HINT = '"digit" must be a whole number: 0 for the first digit from the left, 1 for the next.'
PAGE_HINT = '"page" must be a whole number: 1 for the first page of the file, 2 for the next.'
BASE64_HINT = "the base64 of a picture file, or a data: URL of one"
MAX_STROKES = 1_000  # more than the reader takes (422, "crowded"), few enough to be checked in a millisecond
MAX_POINTS = 20_000  # of all strokes: 5 minutes of writing with a pen that reports 60 a second
MAX_COORDINATE = 1_000_000  # far beyond any paper in pixels, and exact as a float32


# -- requests


class ImageRequest(BaseModel):
    """A picture to read."""

    model_config = ConfigDict(strict=True)
    image: str = Field(min_length=1, description=f"{BASE64_HINT[0].upper()}{BASE64_HINT[1:]}")


class BatchRequest(BaseModel):
    """Pictures to read."""

    model_config = ConfigDict(strict=True)
    images: Annotated[list[str], FailFast()] = Field(min_length=1, description=f"For each picture {BASE64_HINT}")


Coordinate = Annotated[float, Field(ge=-MAX_COORDINATE, le=MAX_COORDINATE, allow_inf_nan=False)]
Stroke = Annotated[list[tuple[Coordinate, Coordinate]], Field(min_length=1), FailFast()]
PaperSide = Annotated[float, Field(gt=0, le=MAX_COORDINATE, allow_inf_nan=False)]


class StrokesRequest(BaseModel):
    """A drawing to read: the strokes of a pen, instead of a picture of them."""

    model_config = ConfigDict(strict=True)
    strokes: Annotated[list[Stroke], FailFast()] = Field(
        min_length=1,
        description="For each stroke the points [x, y] that the pen passed, y downwards, in pixels or another unit; at "
        f"most {MAX_STROKES:,} strokes with {MAX_POINTS:,} points in all. The answer's boxes are whole numbers of it",
    )
    width: PaperSide | None = Field(None, description="Width of the paper, from x = 0; boxes end there")
    height: PaperSide | None = Field(None, description="Height of the paper, from y = 0; boxes end there")

    @field_validator("strokes")
    @classmethod
    def limit_counts(cls, strokes: list) -> list:
        """Not by maxItems in the schema, as programs that test APIs would then send lists of this length."""
        if len(strokes) > MAX_STROKES or sum(map(len, strokes)) > MAX_POINTS:
            raise PydanticCustomError("too_long", "too many strokes or points")
        return strokes


def _integer(least: int, hint: LiteralString) -> BeforeValidator:
    """Parse a decimal number of ASCII digits; pydantic itself would also accept " 1", "+1", "1.0" and "1_0"."""

    def parse(text: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:
            raise PydanticCustomError("natural_number", hint)
        return int(text)

    return BeforeValidator(parse)


class PageQuery(BaseModel):
    """Which page of the file to read."""

    page: Annotated[int, _integer(1, PAGE_HINT)] | None = Field(
        None, ge=1, le=999_999_999, description="Which page of the file, from 1; without it the first with writing"
    )


class ExplainQuery(PageQuery):
    """Which digit to explain."""

    digit: Annotated[int, _integer(0, INDEX_HINT)] = Field(
        0, ge=0, le=999_999_999, description="Which digit of the reading, from the left; 0 is the first"
    )


# -- answers


def _rounded(decimals: int) -> BeforeValidator:
    """Round a number before its range is checked: a product of probabilities may exceed 1 by a rounding error."""
    return BeforeValidator(lambda value: round(value, decimals))


Probability = Annotated[float, Field(ge=0, le=1), _rounded(6)]
RoundedCoordinate = Annotated[float, _rounded(2)]  # pixels
BOX = "Left, top, right, bottom in pixels of the upright picture, or in the unit of strokes"


class FromAttributes(BaseModel):
    """A model that can be made from an object with attributes of the same names."""

    model_config = ConfigDict(from_attributes=True)


class DigitReading(FromAttributes):
    """One digit of a reading."""

    result: int = Field(ge=0, le=9, description="The most probable digit")
    probability: Probability = Field(description="Probability that result is right")
    probabilities: list[Annotated[float, _rounded(6)]] = Field(
        min_length=10, max_length=10, description="Probabilities of 0 to 9"
    )
    box: tuple[int, int, int, int] = Field(description=BOX)


class LineOfDigits(FromAttributes):
    """One line of a reading."""

    text: str = Field(
        pattern="^[0-9]+$", description="The digits of the line, with leading zeros; the lines divide digits in order"
    )
    probability: Probability = Field(description="Calibrated probability that all of its text is right")
    box: tuple[int, int, int, int] = Field(description=f"{BOX}: around its digits")


class MarkReading(FromAttributes):
    """A sign in a line that is not part of the text."""

    mark: str | None = Field(
        validation_alias=AliasChoices("mark", "symbol"),  # of `results.Mark`
        description="One of . , - / : + or null for another sign, such as a letter",
    )
    box: tuple[int, int, int, int] = Field(description=BOX)


class ReadingResponse(FromAttributes):
    """The reading of a picture."""

    result: int | None = Field(description="text as a number; null beyond 15 digits, which JSON readers would round")
    probability: Probability = Field(description="Calibrated probability that all of text is right")
    text: str = Field(pattern="^[0-9]+$", description="What was read, with leading zeros")
    certain: bool = Field(description="False where a person should look: also at a mark inside a number, or a letter")
    digits: list[DigitReading] = Field(description="Left to right, line by line")
    lines: list[LineOfDigits] = Field(min_length=1, description="From the top; text is that of all lines")
    marks: list[MarkReading] = Field(description="What was left out of text: left to right, line by line")
    page: int = Field(ge=1, description="Which page of the file was read; the first with writing, if none is chosen")
    pages: int = Field(ge=1, description="Number of pages in the file; above 1 for TIFF and PDF only")


class ErrorDetail(BaseModel):
    """An error, for programs and for people."""

    code: str = Field(description="One word for programs")
    message: str = Field(description="What to do")


class ErrorResponse(BaseModel):
    """The form of every error."""

    error: ErrorDetail

    @classmethod
    def from_user_error(cls, error: UserError) -> "ErrorResponse":
        return cls(error=ErrorDetail(code=error.code, message=str(error)))


class BatchResponse(BaseModel):
    """The readings of pictures, in the order in which they were sent."""

    readings: list[ReadingResponse | ErrorResponse]


class PictureResponse(BaseModel):
    """A page of a picture file as the reader sees it."""

    image: str = Field(description="data: URL of a PNG picture: upright, without transparency, large ones reduced")
    page: int = Field(ge=1)
    pages: int = Field(ge=1)


Row = Annotated[list[float], Field(min_length=28, max_length=28)]
Map = Annotated[list[Row], Field(min_length=28, max_length=28, description="28 rows, from the top")]


class NormalizedDigit(BaseModel):
    """A digit as the network sees it, 28x28 pixels, and where in the picture it comes from."""

    crop: tuple[RoundedCoordinate, RoundedCoordinate, RoundedCoordinate, RoundedCoordinate] = Field(
        description="Left, top, right, bottom in pixels of the upright picture, or in the unit of the strokes"
    )
    placed: tuple[int, int, int, int] = Field(
        description="The same rectangle in pixels of the 28x28 frame; it may reach a little outside"
    )
    centre: tuple[RoundedCoordinate, RoundedCoordinate] = Field(
        description="Center of mass of the foreground, x and y in pixels of the frame"
    )
    pixels: list[list[int]] = Field(description="28 rows of 28, 0 for background to 255 for the darkest foreground")


class LayerOutput(BaseModel):
    """The output of one layer for the digit."""

    name: str
    shape: list[int] = Field(description="Number of maps, rows and columns, or number of values")
    values: list = Field(description="In lists of this shape: after ReLU; of the last layer the logits of 0 to 9")


class Saliency(BaseModel):
    """How much each pixel speaks for each of the ten digits, above 0, or against it, below 0."""

    method: str
    values: list[Map] = Field(
        min_length=10, max_length=10, description="For 0 to 9, in logits relative to their mean; the sum is 0"
    )


class ExplainResponse(BaseModel):
    """The computation of the network for one digit of a picture."""

    reading: ReadingResponse
    digit: int = Field(ge=0, description="Which of the reading's digits this is about")
    frame: NormalizedDigit
    layers: list[LayerOutput] = Field(description="In the order of the computation")
    heat: Saliency


class NetworkReading(BaseModel):
    """The reading of one network."""

    name: str
    parameters: int = Field(description="Number of trainable parameters")
    test_accuracy: float | None = Field(description="Percent of MNIST's test images; null where it is not known")
    text: str = Field(pattern="^[0-9]+$")
    probability: Probability = Field(description="Probability that all digits are right, as they were cut out")
    digits: list[DigitReading]
    lines: list[LineOfDigits]


class CompareResponse(BaseModel):
    """The readings of several networks for the same digits, from the smallest network on."""

    networks: list[NetworkReading]


class NetworkResponse(BaseModel):
    """The weights of the network that can be shown."""

    name: str
    parameters: int
    test_accuracy: float | None = Field(description="Percent of MNIST's test images; null where it is not known")
    filters: dict[str, list] = Field(description="Of each convolution the weights, 3x3 for each input map")
    templates: list[Map] | None = Field(description="The weights of softmax regression for 0 to 9; null without it")


class HealthResponse(BaseModel):
    """The state of the server."""

    status: str
