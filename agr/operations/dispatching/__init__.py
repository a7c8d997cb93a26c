"""Carries adopted plans out at charge points.

facts         what charge points should follow: register, plans in force, limits
dispatcher    one road: decides, commits, sends; one loop each
auditing      what may go out, by the limits of connections and groups
verifier      asks stations what they follow
following     compares what is measured with what was accepted
memory        what one road remembers while it runs
settling      what answers mean for commands
sessions      what back-ends report → sessions and readings
clock_keeper  which stations' clocks are right; what others tell waits or is set aside
replanning    asks for plans when what can be told has changed
adopting      unplanned cars that say what they need → the register
roads         all roads together: their loops, and the answers that come in
wishes        what operators ask for by command; the state of each point
trial         tries the roads for `agr check`
asking        asks stations of OCPP 1.6 for `agr check` which limits they take
"""
