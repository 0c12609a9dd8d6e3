from __future__ import annotations

from fovea_crop.runs import camera_and_counter, camera_runs

PLANT_VILLAGE = "01a66316-0e98-4d3b-a56f-d78752cd043f___FREC_Scab {}.JPG"


def test_a_plant_village_name_says_camera_and_counter():
    assert camera_and_counter(PLANT_VILLAGE.format(3003)) == ("FREC_Scab", 3003)
    assert camera_and_counter(PLANT_VILLAGE.format("3003 copy 2")) == ("FREC_Scab", 3003)
    assert camera_and_counter("RS_Rust 2607.JPG") == ("RS_Rust", 2607)


def test_a_name_that_a_camera_gave_says_camera_and_counter():
    assert camera_and_counter("DJI_0018.JPG") == ("DJI_", 18)
    assert camera_and_counter("cercospora__IMG_4050.JPG") == ("IMG_", 4050)


def test_a_name_that_a_person_gave_says_nothing():
    names = ["healthy_train_308.jpg", "image (1113).jpg", "p0123-2.jpg", "leaf.jpg", "20260501_120000.jpg"]

    assert [camera_and_counter(name) for name in names] == [None] * len(names)


def test_counters_close_to_each_other_are_one_run_whatever_their_order():
    names = [PLANT_VILLAGE.format(number) for number in (3013, 3003, 3008, 3019)]

    runs = camera_runs(names, gap=5)

    assert [runs[name].first for name in names] == [3003, 3003, 3003, 3019]


def test_two_cameras_of_one_folder_have_runs_of_their_own():
    runs = camera_runs(["IMG_0001.jpg", "DSC_0002.jpg", "IMG_0003.jpg"], gap=5)

    assert [(shot.camera, shot.first) for shot in runs.values()] == [("IMG_", 1), ("IMG_", 1), ("DSC_", 2)]


def test_a_card_filled_without_a_pause_is_cut():
    runs = camera_runs([f"IMG_{number:04d}.jpg" for number in range(1, 251)], gap=5, length=100)

    assert sorted({shot.first for shot in runs.values()}) == [1, 101, 201]
