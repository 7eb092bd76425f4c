"""Events and notices carry Amplify's words, and the sources of the event bus."""

from models.events import Event, EventEntityType, EventSource, NotificationType


def test_an_event_has_no_actor_and_no_facts_unless_it_is_given_some() -> None:
    event = Event(
        type="Service Request Expired",
        source=EventSource.SERVICE_REQUESTS,
        entity_type=EventEntityType.SERVICE_REQUEST,
        entity_id="r",
    )
    assert (event.actor, event.data) == (None, {})


def test_amplifys_words_are_their_own_text() -> None:
    for words in (EventEntityType, NotificationType):
        assert [word.value for word in words] == [word.name for word in words]


def test_a_source_is_a_part_of_the_bank() -> None:
    assert {source.value for source in EventSource} == {
        "hourbank.service-requests",
        "hourbank.escrow",
        "hourbank.balances",
        "hourbank.disputes",
    }
