"""Storage: batteries, EV sessions, heat buffers. Source: docs/reference/formulation.md §2.3.

e[t] = a·e[t−1] + Δ·ηc·pc[t] − Δ/ηd·pd[t] − d[t] + unmet[t] − excess[t],  e_min <= e <= e_max,  p = pc − pd.
"""
