/** What agents say to each other through the broker: logging in, messages to one, several and all, groups, leaving. */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { login } from "../../../packages/server/testing/core-fixture.ts";
import { startBroker } from "./broker-under-test.ts";
import { RawAgent, users } from "./raw-agent.ts";

const offline = (name: string) =>
  `broker: ${name} is offline. The user will receive the message when the user comes online`;

/** Ana, Bob and one more, logged in at a broker of their own. */
async function three(t: TestContext, third: string): Promise<[ana: RawAgent, bob: RawAgent, third: RawAgent]> {
  const { port } = await startBroker(t);
  return [
    await RawAgent.login(t, "ana", port),
    await RawAgent.login(t, "bob", port),
    await RawAgent.login(t, third, port),
  ];
}

describe("logging in", () => {
  it("is answered to sender_port, from the messages socket, with all who are online", async (t) => {
    const { port, discoveryPort } = await startBroker(t);
    const [writing, reading] = [await RawAgent.open(t, "mihai", port), await RawAgent.open(t, "mihai", port)];
    writing.logIn({ sender_port: reading.port }, discoveryPort);
    const first = await reading.next();
    assert.deepEqual(
      [first.id, first.content, first.from.port],
      ["acknowledge_log_in", { user_list: ["mihai"] }, port],
    );
    const ana = await RawAgent.open(t, "ana", port);
    ana.logIn({ broker_address: null, x: 1 });
    assert.deepEqual(users(await ana.next("acknowledge_log_in")), ["ana", "mihai"]);
    assert.deepEqual(writing.received, []);
  });

  it("brings what waited, oldest first, after the acknowledgement", async (t) => {
    const { port } = await startBroker(t);
    const [ana, bob] = [await RawAgent.login(t, "ana", port), await RawAgent.login(t, "bob", port)];
    await bob.goAway();
    for (let n = 0; n < 400; n++) ana.say("send_message", { receiver_username: "bob", message_text: `${n}` });
    for (let n = 0; n < 400; n++) assert.equal(await ana.hears(), offline("bob"));
    bob.logIn();
    assert.equal((await bob.next()).id, "acknowledge_log_in");
    for (let n = 0; n < 400; n++) assert.equal(await bob.hears(), `ana: ${n}`);
    await bob.goAway();
    await bob.comeBack();
    assert.deepEqual(await bob.heard(), [], "what was sent is not sent again");
  });

  it("again from the same place is acknowledged again, and disturbs nothing", async (t) => {
    const { port, discoveryPort } = await startBroker(t);
    const [ana, bob] = [await RawAgent.login(t, "ana", port), await RawAgent.login(t, "bob", port)];
    ana.say("send_message", { receiver_username: "bob", message_text: "1" });
    assert.equal(await bob.hears(), "ana: 1");
    bob.logIn({}, discoveryPort);
    assert.deepEqual(users(await bob.next()), ["ana", "bob"]);
    ana.say("send_message", { receiver_username: "bob", message_text: "2" });
    assert.equal(await bob.hears(), "ana: 2");
  });

  it("and what is said before the acknowledgement is carried out after it", async (t) => {
    const { port } = await startBroker(t);
    const ana = await RawAgent.login(t, "ana", port);
    const bob = await RawAgent.open(t, "bob", port);
    bob.logIn();
    bob.say("send_message", { receiver_username: "ana", message_text: "hi" });
    assert.equal(await ana.hears(), "bob: hi");
  });

  it("by a name that is not allowed is refused with the reason", async (t) => {
    const { port, gateway } = await startBroker(t);
    const broker = await RawAgent.open(t, "Broker", port);
    broker.logIn();
    assert.equal(await broker.hears(), "broker: the name broker is the server's own");
    broker.logIn({ sender_username: "a b" });
    broker.say("ping");
    assert.equal(await broker.hears(), "broker: Broker is not logged in: send log_in first");
    assert.deepEqual(gateway.datagrams, { received: 3, malformed: 1, refused: 2 });
  });

  it("folds names, and shows the spelling that came first", async (t) => {
    const { port } = await startBroker(t);
    const ana = await RawAgent.login(t, "Ana", port);
    ana.say("send_message", { sender_username: "ANA", receiver_username: "aNa", message_text: "to myself" });
    assert.equal(await ana.hears(), "Ana: to myself");
  });
});

describe("a message", () => {
  it("to one reaches that one; the sender hears only who is away or unknown", async (t) => {
    const { port } = await startBroker(t);
    const [ana, bob] = [await RawAgent.login(t, "ana", port), await RawAgent.login(t, "bob", port)];
    ana.say("send_message", { receiver_username: "bob", message_text: 'ă "\u0000" 🎉' });
    const { id, content, from } = await bob.next();
    assert.deepEqual(
      [id, content, from.port],
      ["receive_message", { sender_username: "ana", message_text: 'ă "\u0000" 🎉' }, port],
    );
    ana.say("send_message", { receiver_username: "zoe", message_text: "x" });
    ana.say("send_message", { receiver_username: "z e", message_text: "x" });
    await bob.goAway();
    ana.say("send_message", { receiver_username: "BOB", message_text: "x" });
    assert.deepEqual(
      [await ana.hears(), await ana.hears(), await ana.hears()],
      [
        "broker: zoe is unknown. The message was not sent",
        'broker: a user name has only letters, digits, ".", "_" and "-" (got "z e")',
        offline("bob"),
      ],
    );
  });

  it("to several is stored for each; unknown ones are told together, offline ones each", async (t) => {
    const { port, core } = await startBroker(t);
    const ana = await RawAgent.login(t, "ana", port);
    const receivers = [await RawAgent.login(t, "bob", port), await RawAgent.login(t, "carl", port)];
    for (let n = 0; n < 250; n++) assert.ok((await core.register(`u${n}`)).ok);
    const away = Array.from({ length: 250 }, (_, n) => `u${n}`);
    const receiver_usernames = ["bob", "ana", "x", ...away, "bob", "y y", "Carl"];
    ana.say("multicast_message", { receiver_usernames, message_text: "hi" });
    for (const receiver of receivers) assert.equal(await receiver.hears(), "ana: hi");
    const told = new Set<string>();
    while (told.size < 252) told.add(await ana.hears());
    assert.ok(told.has("broker: x, y y: unknown. The message was not sent there") && told.has("ana: hi"));
    assert.ok(away.every((name) => told.has(offline(name))));
    const late = await RawAgent.login(t, "u249", port);
    assert.equal(await late.hears(), "ana: hi");
    assert.deepEqual(await receivers[0]?.heard(), [], "once, though named twice");
  });

  it("to all reaches all others, those who are away when they come", async (t) => {
    const [ana, bob, carl] = await three(t, "carl");
    await carl.goAway();
    ana.say("broadcast_message", { message_text: "all" });
    assert.equal(await bob.hears(), "ana: all");
    assert.deepEqual(await ana.heard(), []);
    await carl.comeBack();
    assert.equal(await carl.hears(), "ana: all");
    await ana.goAway();
    await ana.comeBack();
    assert.deepEqual(await ana.heard(), [], "not one's own, on return either");
  });

  it("from other protocols comes as their texts, from rooms as group messages", async (t) => {
    const broker = await startBroker(t);
    const ana = await RawAgent.login(t, "ana", broker.port);
    const native = await login(broker, "nat");
    ana.say("create_group", { group_name: "Team", group_members: ["nat"] });
    assert.equal(await ana.hears(), "broker: group Team: ana, nat");
    await native.send("ana", "AAE=", { encoding: "base64" });
    assert.deepEqual((await ana.next()).content, { sender_username: "nat", message_text: "AAE=", encoding: "base64" });
    await native.send("#team", "hello");
    await native.send("*", "everybody");
    const heard = [await ana.hears(), await ana.hears()].sort();
    assert.deepEqual(heard, ["#Team nat: hello", "nat: everybody"]);
    native.connection.told();
    ana.say("group_message", { group_name: "team", message_text: "back" });
    ana.say("send_message", { receiver_username: "nat", message_text: "you" });
    assert.deepEqual(await ana.heard(), []);
    assert.deepEqual(native.connection.told().sort(), ["#team 2 back", "nat 3 you"]);
  });
});

describe("a group", () => {
  it("is told to every member by the broker, to those who are away on return, and unknown names to the creator", async (t) => {
    const [ana, bob, carl] = await three(t, "carl");
    await carl.goAway();
    ana.say("create_group", { group_name: "g1", group_members: ["Bob", "ana", "carl", "nobody", "no one"] });
    assert.equal(await ana.hears(), "broker: nobody, no one: unknown, not in the group");
    for (const agent of [ana, bob]) assert.equal(await agent.hears(), "broker: group g1: ana, bob, carl");
    bob.say("group_message", { group_name: "g1", message_text: "hello" });
    assert.equal(await ana.hears(), "#g1 bob: hello");
    assert.deepEqual(await bob.heard(), []);
    await carl.comeBack();
    assert.deepEqual([await carl.hears(), await carl.hears()].sort(), [
      "#g1 bob: hello",
      "broker: group g1: ana, bob, carl",
    ]);
  });

  it("is only for its members, and may grow", async (t) => {
    const [ana, bob, eve] = await three(t, "eve");
    ana.say("create_group", { group_name: "g1", group_members: [] });
    assert.equal(await ana.hears(), "broker: group g1: ana");
    eve.say("group_message", { group_name: "g1", message_text: "hello" });
    eve.say("create_group", { group_name: "g1", group_members: ["eve"] });
    eve.say("group_message", { group_name: "g2", message_text: "hello" });
    eve.say("group_message", { group_name: "g 2", message_text: "hello" });
    const refusals = [];
    for (let n = 0; n < 4; n++) refusals.push(await eve.hears());
    assert.deepEqual(refusals, [
      "broker: you are not a member of #g1",
      "broker: #g1 exists and you are not a member of it",
      "broker: no such group",
      "broker: no such group",
    ]);
    ana.say("create_group", { group_name: "g1", group_members: ["bob"] });
    for (const agent of [ana, bob]) assert.equal(await agent.hears(), "broker: group g1: ana, bob");
    assert.deepEqual(await eve.heard(), []);
  });
});

describe("who is online", () => {
  it("is told on both questions, agents and others alike", async (t) => {
    const broker = await startBroker(t);
    await login(broker, "native");
    const ana = await RawAgent.login(t, "ana", broker.port);
    for (const question of ["get_online_users", "get_user_list"]) {
      ana.say(question);
      assert.deepEqual(users(await ana.next("online_users")), ["ana", "native"]);
    }
  });

  it("is as said last where log_out and log_in come together", async (t) => {
    const { port } = await startBroker(t);
    const [ana, bob] = [await RawAgent.login(t, "ana", port), await RawAgent.login(t, "bob", port)];
    bob.say("log_out");
    bob.logIn();
    assert.deepEqual([(await bob.next()).id, (await bob.next()).id].sort(), [
      "acknowledge_log_in",
      "acknowledge_log_out",
    ]);
    ana.say("send_message", { receiver_username: "bob", message_text: "here" });
    assert.equal(await bob.hears(), "ana: here");
    assert.deepEqual(await ana.heard(), []);
  });

  it("ends with log_out, and whoever is out is not heard", async (t) => {
    const { port, gateway } = await startBroker(t);
    const [ana, bob] = [await RawAgent.login(t, "ana", port), await RawAgent.login(t, "bob", port)];
    bob.say("log_out");
    const { id, content } = await bob.next();
    assert.deepEqual([id, content], ["acknowledge_log_out", {}]);
    assert.deepEqual(await ana.online(), ["ana"]);
    bob.say("send_message", { receiver_username: "ana", message_text: "still here" });
    assert.equal(await bob.hears(), "broker: bob is not logged in: send log_in first");
    assert.deepEqual(await ana.heard(), []);
    assert.equal(gateway.datagrams.refused, 1);
  });
});
