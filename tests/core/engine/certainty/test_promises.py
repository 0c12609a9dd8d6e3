from __future__ import annotations

import numpy as np
import pytest

from fovea.engine.cards.certainty import certainty as card_section
from fovea.engine.certainty.calibrate import Kept
from fovea.engine.certainty.promises import Strange, Wishes, certain, check_positive, label_sets, needed
from fovea.engine.judging.certainty import Answered, judge_certainty, risk_curve
from fovea.engine.recipe import Machine, Recipe, resolve
from fovea.errors import UsageError
from fovea.plugin import Preprocess
from fovea.serving.answers import answers
from fovea.serving.bundle import Bundle
from fovea.serving.certainty import chosen, possible_of

LABELS = ("healthy", "rust", "scab")


def draft(kind="classify", labels=LABELS):
    return Bundle(
        name="leaves", domain="crop", role="d", kind=kind, labels=labels, preprocess=Preprocess(), preprocess_id="x"
    )


def pictures(random, groups, each=4, share=0.5):
    """Logits that know their group's label more or less well, as a group's pictures resemble one another."""
    truth = np.repeat(random.choice(3, groups, p=[share, (1 - share) / 2, (1 - share) / 2]), each)
    group = np.repeat(np.arange(groups), each)
    of_group, of_picture = random.normal(0, 1.2, (groups, 3))[group], random.normal(0, 0.6, (len(truth), 3))
    logits = of_group + of_picture + 2.0 * (truth[:, None] == np.arange(3))
    return logits.astype(np.float32), truth, [f"plant {one}" for one in group]


def kept(random, groups, **facts):
    logits, truth, names = pictures(random, groups, **facts)
    return Kept(logits=logits, targets=truth, groups=names)


def test_sets_hold_the_true_label_of_new_groups_as_often_as_they_say_and_so_for_every_label():
    random = np.random.default_rng(0)
    hits: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for _ in range(120):
        bundle = certain(draft(), kept(random, 90), Wishes(coverage=0.8))
        logits, truth, _ = pictures(random, 30)
        held = possible_of(bundle, answers(bundle, logits))[np.arange(len(truth)), truth]
        for label, found in hits.items():
            found.extend(held[truth == label])
    assert [pytest.approx(0.82, abs=0.04)] * 3 == [np.mean(found) for found in hits.values()]


def test_sets_of_a_model_that_knows_more_are_smaller():
    random = np.random.default_rng(1)
    logits, truth, groups = pictures(random, 60)
    vague, sharp = (
        possible_of(bundle, answers(bundle, logits)).sum(axis=1).mean()
        for bundle in (
            certain(draft(), Kept(logits=each, targets=truth, groups=groups), Wishes())
            for each in (random.normal(0, 1, logits.shape).astype(np.float32), logits)
        )
    )
    assert sharp < vague


def test_a_label_of_too_few_groups_takes_the_line_of_all_pictures():
    said = np.full((24, 3), 0.2)
    truth = np.array([0] * 20 + [1] * 4)
    said[np.arange(24), truth] = np.linspace(0.5, 0.9, 24)
    groups = [str(place) for place in range(24)]
    sets = label_sets(said, truth[:, None] == np.arange(3), groups, LABELS, 0.9)
    assert sets.pooled == ("rust", "scab")
    assert sets.points[1] == sets.points[2] != 0.2


def test_too_few_groups_are_told_in_words():
    bundle = certain(draft(), kept(np.random.default_rng(2), 8), Wishes(coverage=0.9))
    assert bundle.certainty.sets is None
    assert bundle.certainty.lacking == (
        (
            "It does not tell which labels cannot be ruled out: that needs pictures of at least 9 groups kept for "
            "calibration, and there are 8."
        ),
    )


def test_no_pictures_kept_promise_nothing():
    none = Kept(logits=np.empty((0, 3), np.float32), targets=np.empty(0, np.int64), groups=[])
    of = certain(draft(), none, Wishes(review=0.2, positive=("rust",))).certainty
    assert (of.sets, of.review, of.alarm, len(of.lacking)) == (None, None, None, 3)


def test_labels_of_multilabel_have_lines_of_their_own():
    random = np.random.default_rng(3)
    logits = random.normal(0, 1, (60, 2)).astype(np.float32)
    has = (random.random((60, 2)) < 1 / (1 + np.exp(-3 * logits))).astype(np.float32)
    bundle = certain(
        draft("multilabel", ("rust", "scab")),
        Kept(logits=logits, targets=has, groups=list(map(str, range(60)))),
        Wishes(),
    )
    held = possible_of(bundle, answers(bundle, logits))
    assert [held[has[:, label] > 0, label].mean() >= 0.9 for label in (0, 1)] == [True, True]
    assert not held.all()


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_no_more_pictures_are_sent_to_a_person_than_one_can_look_at(share):
    random = np.random.default_rng(4)
    sent = []
    for _ in range(150):
        bundle = certain(draft(), kept(random, 50, each=1), Wishes(review=share))
        said = answers(bundle, pictures(random, 40, each=1)[0])
        sent.append((said.max(axis=1) < bundle.certainty.review.sure).mean())
    assert share - 0.04 < np.mean(sent) <= share


def test_the_error_told_of_the_rest_is_that_of_the_rest():
    some = kept(np.random.default_rng(5), 50)
    review = certain(draft(), some, Wishes(review=0.3)).certainty.review
    said = answers(draft(), some.logits)
    rest = said.max(axis=1) >= review.sure
    wrong = said.argmax(axis=1) != some.targets
    assert review.error == pytest.approx(wrong[rest].mean())
    assert review.error < wrong.mean()


def test_a_share_too_small_for_the_pictures_kept_is_told_in_words():
    of = certain(draft(), kept(np.random.default_rng(6), 12, each=1), Wishes(review=0.05)).certainty
    assert of.review is None
    assert "takes 19" in of.lacking[-1]


def test_a_recall_that_was_asked_for_is_kept_on_new_groups():
    random = np.random.default_rng(7)
    found = []
    for _ in range(100):
        bundle = certain(draft(), kept(random, 80), Wishes(positive=("rust", "scab"), aim=0.9))
        logits, truth, _ = pictures(random, 40)
        said = chosen(bundle, answers(bundle, logits))
        found.append((said[truth > 0] > 0).mean())
    assert 0.9 <= np.mean(found) < 0.95


def test_false_alarms_stay_within_their_budget_on_new_pictures():
    random = np.random.default_rng(8)
    false = []
    for _ in range(300):
        bundle = certain(draft(), kept(random, 80, each=1), Wishes(positive=("rust",), alarms=5))
        logits, truth, _ = pictures(random, 80, each=1)
        false.append(100 * ((chosen(bundle, answers(bundle, logits)) == 1) & (truth != 1)).mean())
    assert 3.5 < np.mean(false) < 5.1


def test_a_promise_that_the_groups_kept_do_not_bear_is_not_made():
    random = np.random.default_rng(9)
    some = kept(random, 12)
    of = certain(draft(), some, Wishes(positive=("rust", "scab"), aim=0.95)).certainty
    assert any("A recall of 0.95 is not promised" in sentence for sentence in of.lacking)
    raised = answers(draft(), some.logits)[:, 1:].sum(axis=1)
    assert raised[some.targets > 0].min() >= of.alarm.point
    of = certain(draft(), some, Wishes(positive=("rust",), alarms=0.5)).certainty
    assert any("0.5 false alarms in 100 pictures are not promised" in sentence for sentence in of.lacking)


def test_without_a_picture_that_shows_one_there_is_no_operating_point():
    some = kept(np.random.default_rng(10), 20, share=1.0)
    of = certain(draft(), some, Wishes(positive=("rust",))).certainty
    assert of.alarm is None
    assert "no picture kept for calibration shows" in of.lacking[-1]


def test_pictures_like_those_learned_from_stay_familiar_as_often_as_promised():
    random = np.random.default_rng(11)
    some = kept(random, 30)
    stayed = []
    for _ in range(200):
        told = random.gamma(3, 1, 60).astype(np.float32)
        strange = Strange(told=told[:40], groups=[str(place) for place in range(40)])
        of = certain(draft(), some, Wishes(familiar=0.95), strange).certainty
        stayed.append((told[40:] <= of.familiar.most).mean())
    assert 0.93 < np.mean(stayed) < 0.99
    few = Strange(told=np.empty(0, np.float32), groups=["a", "b"])
    assert certain(draft(), some, Wishes(familiar=0.95), few).certainty.familiar is None


def test_groups_that_a_share_needs():
    assert [needed(share) for share in (0.5, 0.9, 0.95, 0.99)] == [1, 9, 19, 99]


@pytest.mark.parametrize(
    "positive, message", [(("mildew",), "'mildew', which is no label here"), (LABELS, "names every label")]
)
def test_an_alarm_of_labels_that_make_none_is_refused(positive, message):
    with pytest.raises(UsageError, match=message):
        check_positive(positive, LABELS)


@pytest.mark.parametrize(
    "facts, kind, message",
    [
        ({"positive": "rust"}, "regress", "positive and review are for a task of kind classify"),
        ({"review": 0.1}, "multilabel", "positive and review are for a task of kind classify"),
        ({"positive": "rust", "alarms": 2, "operate_at": 0.9}, "classify", "choose one of them"),
        ({"alarms": 2}, "classify", "need labels that raise an alarm"),
        ({"operate_at": 0.9}, "classify", "need labels that raise an alarm"),
    ],
)
def test_a_recipe_whose_wishes_do_not_fit_is_refused(facts, kind, message):
    machine = Machine(device="cpu", native_bf16=False, free_cores=1, memory=1.0)
    with pytest.raises(UsageError, match=message):
        resolve(Recipe(**facts), Preprocess(), machine, kind)


def judged(random, **wishes):
    some = kept(random, 60)
    bundle = certain(draft(), some, Wishes(**wishes))
    logits, truth, groups = pictures(random, 40)
    group = np.unique(groups, return_inverse=True)[1]
    return bundle, Answered(truth=truth, said=answers(bundle, logits).astype(float), group=group, groups=40)


def test_figures_are_counted_on_the_pictures_judged():
    bundle, answered = judged(np.random.default_rng(12), review=0.2, positive=("rust",), aim=0.9)
    figures = {name: one.value for name, one in judge_certainty(bundle, answered, 0).items()}
    said, truth = chosen(bundle, answered.said), answered.truth
    sure = answered.said[np.arange(len(said)), said]
    rest = sure >= bundle.certainty.review.sure
    held = possible_of(bundle, answered.said)
    expected = {
        "set_coverage": held[np.arange(len(said)), truth].mean(),
        "set_size": held.sum(axis=1).mean(),
        "reviewed": 1 - rest.mean(),
        "error_of_rest": (said != truth)[rest].mean(),
        "sensitivity": (said[truth == 1] == 1).mean(),
        "specificity": (said[truth != 1] != 1).mean(),
        "ppv": (truth[said == 1] == 1).mean(),
        "false_alarms_per_100": 100 * ((said == 1) & (truth != 1)).mean(),
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected)


def test_the_area_under_the_risk_coverage_curve_is_the_mean_of_its_errors():
    bundle, answered = judged(np.random.default_rng(13))
    order = np.argsort(-answered.said.max(axis=1))
    wrong = (answered.said.argmax(axis=1) != answered.truth)[order]
    risks = np.cumsum(wrong) / np.arange(1, len(wrong) + 1)
    figure = judge_certainty(bundle, answered, 0)["aurc"]
    assert figure.value == pytest.approx(risks.mean())
    assert figure.low <= figure.value <= figure.high
    curve = risk_curve(bundle, answered)
    assert curve[-1] == (1.0, pytest.approx(wrong.mean(), abs=1e-4))
    assert len(curve) == 20


def test_without_an_operating_point_the_most_probable_label_is_said():
    said = np.array([[0.2, 0.7, 0.1], [0.5, 0.1, 0.4]])
    assert chosen(draft(), said).tolist() == [1, 0]


def test_the_card_tells_every_promise_and_what_became_of_it():
    random = np.random.default_rng(14)
    bundle, answered = judged(random, review=0.2, positive=("rust",), alarms=5)

    class Judged:
        figures = judge_certainty(bundle, answered, 0)

    lines = "\n".join(card_section(bundle, Judged))
    for words in ("in 90% of the pictures", "5 false alarms in 100", "at most 20% of the pictures", "| sensitivity |"):
        assert words in lines
    assert list(card_section(draft(), Judged)) == []
